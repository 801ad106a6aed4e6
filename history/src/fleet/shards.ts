/**
 * The shards: real servers, each in a folder of its own, and each reached by everyone through its proxy alone, since a shard's name is its
 * address.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Nursery } from '@fractal-lba/demo/processes/nursery'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import type { Toxiproxy } from '../faults/toxiproxy.ts'

export type Backend = 'redis' | 'postgres'
export type AppendFsync = 'always' | 'everysec'

export interface Shard {
  readonly name: string
  readonly backend: Backend
  /** What everyone connects to: through its proxy, which has the shard's name. */
  readonly url: string
  readonly server: RunningServer
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it where it does not run. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface ShardsOptions {
  readonly count: number
  readonly backend: Backend
  readonly appendFsync: AppendFsync
  readonly dir: string
}

export function startShards(options: ShardsOptions, toxiproxy: Toxiproxy, nursery: Nursery): Promise<Shard[]> {
  return Promise.all(
    Array.from({ length: options.count }, async (_, i): Promise<Shard> => {
      const name = `shard-${i + 1}`
      const dataDir = join(options.dir, name)
      await mkdir(dataDir, { recursive: true })
      const server =
        options.backend === 'postgres'
          ? await startPostgres({ dataDir, ownSession: true, settings: { max_connections: '200', wal_sync_method: 'fdatasync' } })
          : await startRedis({
              dataDir,
              ownSession: true,
              appendFsync: options.appendFsync,
              args: ['--auto-aof-rewrite-percentage', '0'],
            })
      let release = nursery.adopt(server.pid as number)
      const url = new URL(server.url)
      url.port = `${await toxiproxy.front(name, server.port)}`
      return {
        name,
        backend: options.backend,
        url: url.href,
        server,
        kill: () => server.kill(),
        async start() {
          if (server.pid !== undefined) return
          release()
          await server.restart()
          release = nursery.adopt(server.pid as unknown as number)
        },
        async stop() {
          await server.stop()
          release()
        },
      }
    }),
  )
}
