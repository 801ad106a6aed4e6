/** A Redis cluster of masters as `redis-cli --cluster create` makes it, with the persistence of our shards, and its own way to reshard it. */
import { setTimeout as after } from 'node:timers/promises'
import { startRedis } from '@fractal-lba/servers/redis'
import { freePort, type RunningServer } from '@fractal-lba/servers/running-server'
import { Redis } from 'ioredis'
import { inBatches } from '../fill-shards.ts'
import type { Timed } from './side-by-side.ts'
import type { Workbench } from './workbench.ts'
import { keyOf, openCluster } from './writers.ts'

const JOIN_TIMEOUT_MS = 60_000
const LOOK_EVERY_MS = 100
const KEYS_A_READ = 1000

export interface RunningCluster {
  readonly urls: readonly string[]
  fill(keys: number): Promise<void>
  /** From all masters to the empty one. @returns the keys that are there afterwards. */
  reshard(slots: number, pipeline: number): Promise<Timed>
  missing(numbers: readonly number[]): Promise<number>
}

/** Masters that share the slots, and some without any. */
export function withCluster<T>(
  bench: Workbench,
  { masters, empty }: { masters: number; empty: number },
  use: (cluster: RunningCluster) => Promise<T>,
): Promise<T> {
  const start = async (dataDir: string) => {
    // By itself a node adds 10,000 to its port for the port by which nodes talk: that one may be taken, or too high.
    const busPort = await freePort()
    const args = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-port', `${busPort}`]
    return startRedis({ dataDir, ownSession: true, args })
  }
  return bench.servers(masters + empty, start, async (servers) => {
    const [first, last] = [servers[0], servers.at(-1)] as [RunningServer, RunningServer]
    const owners = servers.slice(0, masters)
    await bench.run('redis-cli', ['--cluster', 'create', ...owners.map(addressOf), '--cluster-yes'])
    await untilAgreed(owners)
    for (const [index, server] of servers.entries()) {
      if (index < masters) continue
      await bench.run('redis-cli', ['--cluster', 'add-node', addressOf(server), addressOf(first)])
      await untilAgreed(servers.slice(0, index + 1))
    }
    const urls = servers.map(({ url }) => url)
    return await use({
      urls,
      fill: async (keys) => {
        const cluster = await openCluster(urls)
        const write = ({ key, record, expiresAtMs }: { key: Buffer; record: Buffer; expiresAtMs: number }) =>
          cluster.set(key, record, 'PXAT', expiresAtMs, 'NX')
        await inBatches(keys, (puts) => Promise.all(puts.map(write)))
        cluster.disconnect()
      },
      reshard: async (slots, pipeline) => {
        const id = await askOne(last.url, (redis) => redis.cluster('MYID') as Promise<string>)
        const order = ['--cluster-from', 'all', '--cluster-to', id, '--cluster-slots', `${slots}`]
        const started = performance.now()
        await bench.run('redis-cli', [
          '--cluster',
          'reshard',
          addressOf(first),
          ...order,
          '--cluster-yes',
          '--cluster-pipeline',
          `${pipeline}`,
        ])
        const seconds = (performance.now() - started) / 1000
        return { seconds, keys: await askOne(last.url, (redis) => redis.dbsize()) }
      },
      missing: async (numbers) => {
        const cluster = await openCluster(urls)
        let missing = 0
        for (let at = 0; at < numbers.length; at += KEYS_A_READ) {
          const some = numbers.slice(at, at + KEYS_A_READ).map((n) => keyOf('redis-cluster', n))
          const there = await Promise.all(some.map((key) => cluster.exists(key)))
          missing += there.filter((count) => count === 0).length
        }
        cluster.disconnect()
        return missing
      },
    })
  })
}

const addressOf = (server: RunningServer) => `127.0.0.1:${server.port}`

async function askOne<T>(url: string, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await ask(redis)
  } finally {
    redis.disconnect()
  }
}

/** Until every node knows all of them and finds the cluster whole; the commands before return earlier. */
async function untilAgreed(servers: readonly RunningServer[]): Promise<void> {
  const deadline = Date.now() + JOIN_TIMEOUT_MS
  for (;;) {
    const infos = await Promise.all(servers.map(({ url }) => askOne(url, (redis) => redis.cluster('INFO') as Promise<string>)))
    const whole = (info: string) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${servers.length}\r`)
    if (infos.every(whole)) return
    if (Date.now() > deadline) throw new Error(`the nodes of the cluster did not find each other: ${infos[0]}`)
    await after(LOOK_EVERY_MS)
  }
}
