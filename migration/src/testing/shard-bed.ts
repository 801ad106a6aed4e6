/** Real shards for tests: Redis servers, or databases of one PostgreSQL server, founded as a fleet and opened on both planes. */
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { ShardControl, ShardData, ShardId } from '@fractal-lba/shards/port'

export type Kind = 'redis' | 'postgres'

export interface BedShard {
  readonly id: ShardId
  readonly url: string
  readonly control: ShardControl
  readonly data: ShardData
}

export interface Bed {
  readonly shards: readonly BedShard[]
  /** Of the first `count` shards. */
  ids(count: number): ShardId[]
  urls(count: number): string
  controls(): Map<ShardId, ShardControl>
  /** The first shards own all slots. Every shard must be empty. */
  found(owners: number): Promise<void>
  close(): Promise<void>
}

const VNODES = 150
const ALL_SLOTS = Array.from({ length: SLOT_COUNT }, (_, slot) => slot as SlotId)

export async function startBed(kind: Kind, count: number): Promise<Bed> {
  const servers = kind === 'redis' ? await redisServers(count) : await postgresServer(count)
  const shards = servers.urls.map((url): BedShard => {
    const address = parseShardAddress(url)
    return { id: address.id, url, control: openShardControl(address), data: openShardData(address) }
  })
  return {
    shards,
    ids: (first) => shards.slice(0, first).map(({ id }) => id),
    urls: (first) =>
      shards
        .slice(0, first)
        .map(({ url }) => url)
        .join(','),
    controls: () => new Map(shards.map(({ id, control }) => [id, control])),
    async found(owners) {
      const ids = shards.slice(0, owners).map(({ id }) => id)
      const placement = placeSlots(ids, VNODES)
      for (const { id, control } of shards.slice(0, owners)) {
        const owned = ALL_SLOTS.filter((slot) => ids[placement[slot]!] === id)
        await control.initialise({ id: 'fleet', initialOwners: ids }, owned)
        await control.markFleetReady()
      }
    },
    async close() {
      await Promise.allSettled(shards.flatMap(({ control, data }) => [control.close(), data.close()]))
      await servers.stop()
    },
  }
}

async function redisServers(count: number) {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()))
  return {
    urls: servers.map(({ url }) => url),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  }
}

async function postgresServer(count: number) {
  const databases = Array.from({ length: count }, (_, index) => `shard${index}`)
  const server = await startPostgres({ databases, settings: { max_connections: '200' } })
  return { urls: databases.map((database) => server.urlOf(database)), stop: () => server.stop() }
}
