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

export interface Scenario {
  readonly from: readonly ShardId[]
  readonly to: readonly ShardId[]
  /** Both sides. */
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
  readonly driver: Driver
  readonly ending: 'forward' | 'back'
  /** From here on nothing new goes wrong, and what was wrong is mended. */
  readonly peaceAfterMs: number
  /** How bad it gets: a factor of all chances. */
  readonly harshness: number
}

export const VNODES = 8
const SHAPES: readonly (readonly [from: number, to: number])[] = [
  [1, 3],
  [3, 5],
  [5, 3],
  [2, 1],
]
const EXPIRING_SHARE = 0.12

export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed, 'scenario')
  const [from, to] = pick(random, SHAPES)
  const shards = Array.from({ length: Math.max(from, to) }, (_, index) => `shard-${index}` as ShardId)
  const subjects = someSubjects(random, between(random, 4, 9))
  return {
    from: shards.slice(0, from),
    to: shards.slice(0, to),
    shards,
    subjects,
    slots: [...new Set(subjects.map(({ slot }) => slot))].sort((a, b) => a - b),
    ttlMs: new Map(
      subjects.flatMap(({ pcsId }) => (chance(random, EXPIRING_SHARE) ? [[pcsId, between(random, 500, 3500)] as const] : [])),
    ),
    pods: between(random, 1, 3),
    clients: between(random, 1, 3),
    thinkMs: between(random, 100, 400),
    driver: pick(random, ['operator', 'operator', 'command', 'engines'] as const),
    ending: chance(random, 0.7) ? 'forward' : 'back',
    peaceAfterMs: between(random, 500, 6000),
    harshness: pick(random, [0, 0.5, 1, 1, 2]),
  }
}

function someSubjects(random: Random, slots: number): readonly Subject[] {
  const chosen = new Set<readonly Subject[]>()
  while (chosen.size < slots) chosen.add(pick(random, subjectsBySlot()))
  return [...chosen].flat()
}
