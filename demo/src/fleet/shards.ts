/** The three database servers that hold the decisions: real ones, each in a folder of its own. The first one is to own every slot. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { TcpProxy } from '../faults/tcp-proxy.ts'
import type { Nursery } from '../processes/nursery.ts'

export const SHARD_NAMES = ['shard-1', 'shard-2', 'shard-3'] as const
export type ShardName = (typeof SHARD_NAMES)[number]

export interface Shard {
  readonly name: ShardName
  /** What verifiers, operator and auditor connect to: through the proxy where there is one. */
  readonly url: string
  readonly server: RunningServer
  readonly proxy: TcpProxy | undefined
  stop(): Promise<void>
}

export interface ShardsOptions {
  readonly backend: 'postgres' | 'redis'
  readonly dir: string
  /** Shards to put a proxy in front of, so that their network can be made bad. */
  readonly proxied: readonly ShardName[]
}

/** Starts all of them at once. When one fails, those that did start are in the nursery's care. */
export async function startShards({ backend, dir, proxied }: ShardsOptions, nursery: Nursery): Promise<Shard[]> {
  return Promise.all(
    SHARD_NAMES.map(async (name) => {
      const dataDir = join(dir, name)
      await mkdir(dataDir, { recursive: true })
      const server =
        backend === 'postgres'
          ? await startPostgres({ dataDir, ownSession: true })
          : await startRedis({ dataDir, ownSession: true })
      const release = nursery.adopt(server.pid as number)
      const proxy = proxied.includes(name) ? await TcpProxy.open(server.port) : undefined
      return {
        name,
        url: proxy ? withPort(server.url, proxy.port) : server.url,
        server,
        proxy,
        async stop() {
          await proxy?.close()
          await server.stop()
          release()
        },
      }
    }),
  )
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.port = `${port}`
  return changed.href
}
