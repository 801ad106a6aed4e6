/** The dedup store that the configuration asks for. */
import type { Logger } from 'pino'
import type { Config } from '../config/read-config.ts'
import type { Counters } from '../metrics/counters.ts'
import { openMemoryStore } from './open-memory.ts'
import { openShardedStore } from './open-sharded.ts'
import type { OpenedStore } from './opened-store.ts'

export interface StoreSurroundings {
  readonly counters: Counters
  readonly log: Logger
  readonly wallClock: () => number
  readonly random: () => number
  readonly onBroken: (error: unknown) => void
}

export async function openStore(config: Config, around: StoreSurroundings): Promise<OpenedStore> {
  return config.store.kind === 'memory'
    ? await openMemoryStore(config.walDir, around.wallClock)
    : await openShardedStore(config, config.store, around)
}
