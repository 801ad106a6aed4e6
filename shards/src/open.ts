/** Opens the client of a shard by its address. Connecting happens behind it: an opened shard that cannot be reached says so at each call. */
import type { ShardAddress } from './address.ts'
import { MemoryShardData } from './memory/data.ts'
import { MemoryOwnership } from './memory/ownership.ts'
import { MemoryRecords } from './memory/records.ts'
import { memoryServer } from './memory/server.ts'
import type { ShardControl, ShardData } from './port.ts'
import { PostgresPool } from './postgres/connect.ts'
import { PostgresShardData } from './postgres/data.ts'
import { PostgresOwnership } from './postgres/ownership.ts'
import { PostgresRecords } from './postgres/records.ts'
import { RedisConnection } from './redis/connect.ts'
import { RedisShardData } from './redis/data.ts'
import { RedisOwnership } from './redis/ownership.ts'
import { RedisRecords } from './redis/records.ts'
import { StoredShardControl } from './shard-control.ts'

/** A copy in and one out, captured records, and a call about ownership beside them. */
const CONTROL_CONNECTIONS = 6
const CONTROL_STATEMENT_TIMEOUT_MS = 60_000

/** The data plane, for verifiers. `now` is the clock of a memory shard that is made by this call. */
export function openShardData(address: ShardAddress, now: () => number = Date.now): ShardData {
  switch (address.kind) {
    case 'redis':
      return new RedisShardData(address)
    case 'memory':
      return new MemoryShardData(memoryServer(address.id, now))
    case 'postgres':
      return new PostgresShardData(address)
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
    case 'postgres': {
      const pool = new PostgresPool(address, {
        connections: CONTROL_CONNECTIONS,
        statementTimeoutMs: CONTROL_STATEMENT_TIMEOUT_MS,
      })
      const ownership = new PostgresOwnership(address.id, pool)
      return new StoredShardControl(address.id, 'postgres', {
        ownership,
        records: new PostgresRecords(address.id, pool, ownership),
        close: () => pool.close(),
      })
    }
  }
}
