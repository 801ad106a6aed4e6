/**
 * Reads all shards of a migration and says how it stands: the state of each moving slot, what is captured and not applied, the newest
 * document. Knows nothing but what the shards say, so any process can do it at any time; changes nothing.
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardControl, ShardDescription, ShardId, SlotRow } from '@fractal-lba/shards/port'
import { documentsOf, type MigrationDocument, type Move } from './document.ts'
import { type SlotState, slotState } from './slot-state.ts'

export type Controls = ReadonlyMap<ShardId, ShardControl>

/** Two shards and the slots that move between them, by state. */
export interface PairView {
  readonly source: ShardId
  readonly target: ShardId
  /** Ascending by slot within each state; states without slots are absent. */
  readonly slots: ReadonlyMap<SlotState, readonly SlotId[]>
}

export interface MigrationView {
  readonly document: MigrationDocument | undefined
  readonly pairs: readonly PairView[]
  /** The highest generation that either side of a slot shows. */
  readonly generations: ReadonlyMap<SlotId, Generation>
  /** Slots whose rows contradict each other, or belong to something else. A migration with any of them stops. */
  readonly broken: readonly { readonly slot: SlotId; readonly source: ShardId; readonly target: ShardId; readonly why: string }[]
  readonly total: number
  /** Over all shards: the sum of the keys, the worst of the ages. */
  readonly backlog: { readonly keys: number; readonly lagMs: number }
  /** The highest fencing generation that any shard has seen. */
  readonly fence: number
  readonly descriptions: readonly ShardDescription[]
}

export async function describeAll(controls: Controls): Promise<ShardDescription[]> {
  return Promise.all([...controls.values()].map((control) => control.describe()))
}

export async function observe(controls: Controls, migration: MigrationId): Promise<MigrationView> {
  const [descriptions, backlogs] = await Promise.all([
    describeAll(controls),
    Promise.all([...controls.values()].map((control) => control.captureBacklog(migration))),
  ])
  return viewOf(descriptions, backlogs, migration)
}

/** The pure part of `observe`. */
export function viewOf(
  descriptions: readonly ShardDescription[],
  backlogs: readonly { keys: number; lagMs: number }[],
  migration: MigrationId,
): MigrationView {
  const document = documentsOf(descriptions).get(migration)
  const rows = new Map(descriptions.map(({ id, slots }) => [id, new Map(slots.map((row) => [row.slot, row]))]))
  const generations = new Map<SlotId, Generation>()
  const broken: MigrationView['broken'][number][] = []
  const pairs = (document?.moves ?? []).map((move) => pairView(move))

  function pairView({ source, target, slots }: Move): PairView {
    const byState = new Map<SlotState, SlotId[]>()
    for (const slot of slots) {
      const atSource = rows.get(source)?.get(slot)
      const atTarget = rows.get(target)?.get(slot)
      generations.set(slot, Math.max(generationOf(atSource), generationOf(atTarget)) as Generation)
      const state = slotState(atSource, atTarget, { migration, source, target })
      if (typeof state === 'object') {
        broken.push({ slot, source, target, why: state.broken })
        continue
      }
      const known = byState.get(state)
      if (known) known.push(slot)
      else byState.set(state, [slot])
    }
    return { source, target, slots: byState }
  }

  return {
    document,
    pairs,
    generations,
    broken,
    total: pairs.length === 0 ? 0 : document!.moves.reduce((sum, move) => sum + move.slots.length, 0),
    backlog: {
      keys: backlogs.reduce((sum, backlog) => sum + backlog.keys, 0),
      lagMs: backlogs.reduce((worst, backlog) => Math.max(worst, backlog.lagMs), 0),
    },
    fence: descriptions.reduce((highest, { fence }) => Math.max(highest, fence), 0),
    descriptions,
  }
}

/** How many moving slots are in any of these states. */
export function countIn(view: MigrationView, ...states: readonly SlotState[]): number {
  let count = 0
  for (const pair of view.pairs) for (const state of states) count += pair.slots.get(state)?.length ?? 0
  return count
}

function generationOf(row: SlotRow | undefined): number {
  return row && row.role !== 'importing' ? row.generation : 0
}
