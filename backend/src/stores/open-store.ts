/** The dedup store that the configuration asks for. */
import { type ShardCredentials, withCredentials } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import type { Counters } from '../metrics/counters.ts'
import type { Clock } from '../time/clock.ts'
import { keptInFile } from './kept-fleet-config.ts'
import { openMemoryStore } from './open-memory.ts'
import { openShardedStore, type ShardWays } from './open-sharded.ts'
import type { OpenedStore } from './opened-store.ts'

export interface StoreSurroundings {
  readonly counters: Counters
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly onBroken: (error: unknown) => void
}

export async function openStore(config: Config, around: StoreSurroundings): Promise<OpenedStore> {
  if (config.store.kind === 'memory') return await openMemoryStore(config.walDir, () => around.clock.nowMs())
  return await openShardedStore(config.store, {
    ...around,
    connect: connectWith(config.shardCredentials),
    kept: keptInFile(config.fleetConfigPath, config.pod),
  })
}

function connectWith(credentials: ShardCredentials | undefined): ShardWays {
  return {
    data: (address) => openShardData(withCredentials(address, credentials)),
    control: (address) => openShardControl(withCredentials(address, credentials)),
  }
}
