/** What happens in a run apart from faults, drawn from the seed: shapes, slots, subjects, and how the migration is meant to go. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { type Subject, subjectsBySlot } from './corpus.ts'
import { between, chance, pick, type Random, randomOf } from './random.ts'

/** Who moves the slots. */
export type Driver =
  /** The operator's controller; several of them, some of which think wrongly that they lead. */
  | 'operator'
  /** The loop of `dedup-migrate`, killed and called again. */
  | 'command'
  /** Engines that get orders at random, rivals among them. */
  | 'engines'

/** One migration, from its first call to its end. */
export interface Order {
  /** Counts from 0. */
  readonly index: number
  readonly to: readonly ShardId[]
  readonly driver: Driver
  readonly ending: 'forward' | 'back'
  /** From then on nothing new goes wrong until it has ended, and what was wrong is mended. */
  readonly peaceAfterMs: number
}

export interface Scenario {
  /** Who owns the slots at first. */
  readonly from: readonly ShardId[]
  /** One after the other, each from where the one before ended. */
  readonly orders: readonly Order[]
  /** All that ever own slots. */
  readonly shards: readonly ShardId[]
  readonly subjects: readonly Subject[]
  /** The slots that exist: those of the subjects. */
  readonly slots: readonly SlotId[]
  /** By pcs_id: how long decisions about it stand, where that is no longer than the run. */
  readonly ttlMs: ReadonlyMap<string, number>
  readonly pods: number
  readonly clients: number
  /** Pause of a client between two submissions, on average. */
  readonly thinkMs: number
  /** How bad it gets: a factor of all chances. */
  readonly harshness: number
  /** When, if ever, all decisions expire at once, since so much time passes in which nobody does anything. */
  readonly longPauseAtMs: number | undefined
}

export const VNODES = 8
const SHAPES: readonly (readonly [from: number, to: number, then: number])[] = [
  [1, 3, 5],
  [3, 5, 3],
  [5, 3, 1],
  [2, 1, 3],
]
const OPERATED: readonly Driver[] = ['operator']
const BY_HAND: readonly Driver[] = ['command', 'engines']
const OPERATED_SHARE = 0.5
const EXPIRING_SHARE = 0.12
const SECOND_SHARE = 0.2
const LONG_PAUSE_SHARE = 0.04

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed, 'scenario')
  const [from, to, then] = pick(random, SHAPES)
  const counts = chance(random, SECOND_SHARE) ? [to, then] : [to]
  const shards = Array.from({ length: Math.max(from, ...counts) }, (_, index) => `shard-${index}` as ShardId)
  const subjects = someSubjects(random, between(random, 4, 9))
  // Whoever has an operator leaves it to the operator: it alone tells pods of new shards.
  const drivers = chance(random, OPERATED_SHARE) ? OPERATED : BY_HAND
  const orders = counts.map(
    (count, index): Order => ({
      index,
      to: shards.slice(0, count),
      driver: pick(random, drivers),
      ending: chance(random, 0.7) ? 'forward' : 'back',
      peaceAfterMs: between(random, 500, 6000),
    }),
  )
  return {
    from: shards.slice(0, from),
    orders,
    shards,
    subjects,
    slots: [...new Set(subjects.map(({ slot }) => slot))].sort((a, b) => a - b),
    ttlMs: new Map(
      subjects.flatMap(({ pcsId }) => (chance(random, EXPIRING_SHARE) ? [[pcsId, between(random, 500, 3500)] as const] : [])),
    ),
    pods: between(random, 1, 3),
    clients: between(random, 1, 3),
    thinkMs: between(random, 30, 300),
    harshness: pick(random, [0, 0.5, 1, 1, 2]),
    longPauseAtMs: chance(random, LONG_PAUSE_SHARE) ? between(random, 500, 5000) : undefined,
  }
}

function someSubjects(random: Random, slots: number): readonly Subject[] {
  const chosen = new Set<readonly Subject[]>()
  while (chosen.size < slots) chosen.add(pick(random, subjectsBySlot()))
  return [...chosen].flat()
}
