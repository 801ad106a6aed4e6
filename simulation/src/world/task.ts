/** A migration that is to be done, and how it ended, whoever drove it. */
import type { ShardId } from '@fractal-lba/shards/port'
import type { Order } from './scenario.ts'

export interface Task extends Order {
  /** Who owns the slots now. */
  readonly from: readonly ShardId[]
  /** For its processes: `engine-1`, or `engine-11` in the second migration of a run. */
  readonly nameOf: (role: string, count: number) => string
}

export interface Ended {
  readonly outcome: 'completed' | 'rolled-back'
}
