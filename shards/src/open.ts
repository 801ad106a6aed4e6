/** Opens the client of a shard by its address. Connecting happens behind it: an opened shard that cannot be reached says so at each call. */
import type { ShardAddress } from './address.ts'
import { MemoryShardData } from './memory/data.ts'
import { MemoryOwnership } from './memory/ownership.ts'
import { MemoryRecords } from './memory/records.ts'
import { memoryServer } from './memory/server.ts'
import type { ShardControl, ShardData } from './port.ts'
import { RedisConnection } from './redis/connect.ts'
import { RedisShardData } from './redis/data.ts'
import { RedisOwnership } from './redis/ownership.ts'
import { RedisRecords } from './redis/records.ts'
import { StoredShardControl } from './shard-control.ts'

/** The data plane, for verifiers. `now` is the clock of a memory shard that is made by this call. */
export function openShardData(address: ShardAddress, now: () => number = Date.now): ShardData {
  switch (address.kind) {
    case 'redis':
      return new RedisShardData(address)
    case 'memory':
      return new MemoryShardData(memoryServer(address.id, now))
    case 'postgres':
      throw new Error('postgres shards are not there yet')
  }
}

/** The control plane, for the migration engine. */
export function openShardControl(address: ShardAddress, now: () => number = Date.now): ShardControl {
  switch (address.kind) {
    case 'redis': {
      const connection = new RedisConnection(address)
      return new StoredShardControl(address.id, 'redis', {
        ownership: new RedisOwnership(address.id, connection),
        records: new RedisRecords(address.id, connection),
        close: () => connection.close(),
      })
    }
    case 'memory': {
      const server = memoryServer(address.id, now)
      return new StoredShardControl(address.id, 'memory', {
        ownership: new MemoryOwnership(server),
        records: new MemoryRecords(server),
        close: async () => undefined,
      })
    }
    case 'postgres':
      throw new Error('postgres shards are not there yet')
  }
}
