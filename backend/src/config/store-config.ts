/**
 * Where decisions are kept, from the variables of the dedup store. `DEDUP_SHARDS` wins over the address of a single server, and a
 * single server is a fleet of one shard. The memory store is for one pod, and whoever configures more is refused.
 */
import { DEFAULT_VNODES, MAX_VNODES } from '@fractal-lba/protocol/ring/ring'
import { parseShardList } from '@fractal-lba/shards/address'
import { connectionUrl } from './connection-url.ts'
import type { ValueReader } from './read-values.ts'

export type StoreConfig =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sharded'; readonly shards: readonly string[]; readonly vnodes: number }

export function readStoreConfig(read: ValueReader): StoreConfig {
  const backendGiven = read.text('DEDUP_BACKEND') !== undefined
  const backend = read.oneOf('DEDUP_BACKEND', ['memory', 'redis', 'postgres'], 'memory')
  const shardsText = read.text('DEDUP_SHARDS')
  const fleetConfigGiven = read.text('FLK_FLEET_CONFIG') !== undefined
  const vnodes = read.integer('DEDUP_VNODES', 1, MAX_VNODES, DEFAULT_VNODES)
  const replicas = read.integer('FLK_REPLICAS', 1, 10_000, 1)

  if (shardsText === undefined && backend === 'memory') {
    if (replicas > 1)
      read.problems.push(`DEDUP_BACKEND memory serves one pod only, and FLK_REPLICAS is ${replicas}: use redis or postgres`)
    if (fleetConfigGiven)
      read.problems.push('FLK_FLEET_CONFIG is for a sharded store: set DEDUP_SHARDS too, or DEDUP_BACKEND redis or postgres')
    if (read.text('DEDUP_VNODES') !== undefined) read.problems.push('DEDUP_VNODES does nothing without DEDUP_SHARDS')
    return { kind: 'memory' }
  }
  if (shardsText !== undefined && backendGiven && backend === 'memory') {
    read.problems.push('DEDUP_SHARDS is set, but DEDUP_BACKEND is memory, which has no shards: unset one of them')
  }
  const shards = shardsText === undefined ? singleServer(read, backend) : read.parsed('DEDUP_SHARDS', (text) => text.split(','))
  try {
    // Names no variable of its own: both ways to give addresses end here.
    const addresses = parseShardList(shards ?? [])
    if (backendGiven && backend !== 'memory' && addresses[0]?.kind !== backend) {
      read.problems.push(`DEDUP_SHARDS are of kind ${addresses[0]?.kind}, but DEDUP_BACKEND is ${backend}`)
    }
    if (addresses.some((address) => address.kind === 'memory'))
      read.problems.push('DEDUP_SHARDS must be redis:// or postgres:// addresses')
    return { kind: 'sharded', shards: addresses.map((address) => address.url), vnodes }
  } catch (error) {
    const name = shardsText !== undefined ? 'DEDUP_SHARDS' : backend === 'redis' ? 'REDIS_ADDR' : 'POSTGRES_CONN'
    if (shards !== undefined) read.problems.push(`${name}: ${(error as Error).message}`)
    return { kind: 'sharded', shards: [], vnodes }
  }
}

function singleServer(read: ValueReader, backend: 'memory' | 'redis' | 'postgres'): string[] | undefined {
  if (backend === 'redis') {
    const address = read.text('REDIS_ADDR') ?? 'localhost:6379'
    return [/^rediss?:\/\//.test(address) ? address : `redis://${address}`]
  }
  if (read.text('POSTGRES_CONN') === undefined) {
    read.refuse('POSTGRES_CONN', 'must be set where DEDUP_BACKEND is postgres')
    return undefined
  }
  const url = read.parsed('POSTGRES_CONN', connectionUrl)
  return url === undefined ? undefined : [url]
}
