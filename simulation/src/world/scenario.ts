/** What happens in a run apart from faults, drawn from the seed: shapes, slots, keys, and how the migration is meant to go. */
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { between, chance, pick, randomOf } from './random.ts'

export interface Scenario {
  readonly from: readonly ShardId[]
  readonly to: readonly ShardId[]
  /** Both sides. */
  readonly shards: readonly ShardId[]
  /** The slots that exist. */
  readonly slots: readonly SlotId[]
  /** How many engines run into trouble before the last one is left in peace. */
  readonly troubles: number
  readonly ending: 'forward' | 'back'
}

export const VNODES = 20
const SHAPES: readonly (readonly [from: number, to: number])[] = [
  [1, 3],
  [3, 5],
  [5, 3],
  [2, 1],
]

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed, 'scenario')
  const [from, to] = pick(random, SHAPES)
  const shards = Array.from({ length: Math.max(from, to) }, (_, index) => `shard-${index}:1` as ShardId)
  const slots = new Set<SlotId>()
  const count = between(random, 4, 13)
  while (slots.size < count) slots.add(Math.floor(random() * SLOT_COUNT) as SlotId)
  return {
    from: shards.slice(0, from),
    to: shards.slice(0, to),
    shards,
    slots: [...slots].sort((a, b) => a - b),
    troubles: between(random, 0, 5),
    ending: chance(random, 0.7) ? 'forward' : 'back',
  }
}
