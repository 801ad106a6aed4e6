/**
 * What a migration will do, before it does anything (pure): who owns each slot by the shards' own word, who shall own it by the ring of
 * the target list, and the moves between. The plan's hash covers the order and the ring it was made from, so an approval
 * holds for exactly that.
 */
import { createHash } from 'node:crypto'
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { formatSlots } from '@fractal-lba/protocol/ring/slot-ranges'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardDescription, ShardId } from '@fractal-lba/shards/port'
import { documentsOf, type Move, unfinished } from './document.ts'

export interface MigrationSpec {
  readonly id: MigrationId
  /** All shards that may own slots now. */
  readonly from: readonly ShardId[]
  /** All shards that shall own slots afterwards. */
  readonly to: readonly ShardId[]
  readonly vnodes: number
  /** The slots that exist; all of them outside of simulations. */
  readonly universe?: readonly SlotId[]
}

export interface MoveEstimate extends Move {
  readonly keys: number
  readonly bytes: number
}

export interface Plan {
  readonly id: MigrationId
  readonly planHash: string
  readonly from: readonly ShardId[]
  readonly to: readonly ShardId[]
  readonly vnodes: number
  readonly moves: readonly MoveEstimate[]
  readonly slots: number
  readonly keys: number
  readonly bytes: number
  /** At the ceiling given, or at `ASSUMED_KEYS_PER_SECOND`. */
  readonly copySeconds: number
  /** Shards that own nothing when the migration has completed. */
  readonly leaving: readonly ShardId[]
  readonly warnings: readonly string[]
}

/** Why no plan can be made; the message says what to do. */
export interface PlanRefused {
  readonly refused: string
}

/** A careful figure for an estimate where no ceiling is given: what one pair of shards copies on two busy cores. */
export const ASSUMED_KEYS_PER_SECOND = 50_000

export type Owners = ReadonlyMap<SlotId, ShardId>

export function ownersOf(descriptions: readonly ShardDescription[]): Owners {
  const owners = new Map<SlotId, ShardId>()
  for (const { id, slots } of descriptions) for (const row of slots) if (row.role === 'owned') owners.set(row.slot, id)
  return owners
}

/** The moves of a spec, or why there can be none now. */
export function planMoves(spec: MigrationSpec, descriptions: readonly ShardDescription[]): readonly Move[] | PlanRefused {
  const problem = whyNotPlannable(spec, descriptions)
  if (problem) return { refused: problem }
  const owners = ownersOf(descriptions)
  const universe = spec.universe ?? allSlots()
  const ownerless = universe.filter((slot) => !owners.has(slot))
  if (ownerless.length > 0)
    return {
      refused: `none of the shards given owns slots ${formatSlots(ownerless)}: list every shard of the fleet as a source, also one that shall go`,
    }
  const placement = placeSlots(spec.to, spec.vnodes)
  const groups = new Map<string, { source: ShardId; target: ShardId; slots: SlotId[] }>()
  for (const slot of universe) {
    const source = owners.get(slot)!
    const target = spec.to[placement[slot]!]!
    if (source === target) continue
    const name = JSON.stringify([source, target])
    const group = groups.get(name) ?? { source, target, slots: [] }
    group.slots.push(slot)
    groups.set(name, group)
  }
  if (groups.size > 0) {
    // Going back means that the sources own all: with an owner among the targets alone, the fleet would then be told to forget it.
    const strangers = [...new Set(universe.map((slot) => owners.get(slot)!))].filter((id) => !spec.from.includes(id))
    if (strangers.length > 0)
      return {
        refused: `${strangers.join(', ')} own slots already: list every shard that owns slots as a source, as the fleet is now`,
      }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, move]) => move)
}

function whyNotPlannable(spec: MigrationSpec, descriptions: readonly ShardDescription[]): string | undefined {
  const byId = new Map(descriptions.map((description) => [description.id, description]))
  const fleets = new Set<string>()
  for (const id of spec.from) {
    const fleet = byId.get(id)?.fleet
    if (!fleet) return `shard ${id} belongs to no fleet: it is no source (an empty server, or one that has lost its state)`
    if (!fleet.ready) return `shard ${id} is still being set up by the pods; plan again when they are ready`
    fleets.add(fleet.id)
  }
  for (const id of spec.to) {
    const fleet = byId.get(id)?.fleet
    if (fleet) fleets.add(fleet.id)
  }
  if (fleets.size > 1) return `the shards belong to different fleets (${[...fleets].join(', ')})`
  const running = unfinished(documentsOf(descriptions).values()).find((document) => document.id !== spec.id)
  if (running) return `migration ${running.id} is not finished: complete it or roll it back first`
  return undefined
}

/** The whole plan. `sizes` are the shards' own measurements, in the order of the moves. */
export function makePlan(
  spec: MigrationSpec,
  descriptions: readonly ShardDescription[],
  moves: readonly Move[],
  sizes: readonly { keys: number; bytes: number }[],
  throttleQps: number | undefined,
): Plan {
  const estimates = moves.map((move, index) => ({ ...move, keys: sizes[index]?.keys ?? 0, bytes: sizes[index]?.bytes ?? 0 }))
  const keys = estimates.reduce((sum, move) => sum + move.keys, 0)
  return {
    id: spec.id,
    planHash: planHash(spec, descriptions),
    from: spec.from,
    to: spec.to,
    vnodes: spec.vnodes,
    moves: estimates,
    slots: estimates.reduce((sum, move) => sum + move.slots.length, 0),
    keys,
    bytes: estimates.reduce((sum, move) => sum + move.bytes, 0),
    copySeconds: keys / (throttleQps ?? ASSUMED_KEYS_PER_SECOND),
    leaving: spec.from.filter((id) => !spec.to.includes(id)),
    warnings: descriptions.flatMap(({ id, warnings }) => warnings.map((warning) => `${id}: ${warning}`)),
  }
}

/** Content address of an order and the ring it meets: equal hash, equal moves. Sizes are no part of it, since they change all the time. */
export function planHash(spec: MigrationSpec, descriptions: readonly ShardDescription[]): string {
  const owned = descriptions
    .map(({ id, slots }) => [id, formatSlots(slots.filter((row) => row.role === 'owned').map((row) => row.slot))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const content = { id: spec.id, from: [...spec.from].sort(), to: [...spec.to].sort(), vnodes: spec.vnodes, owned }
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
}

/** Shards that are not in `staying` and still own slots: those must not be taken out of a fleet. */
export function notRemovable(descriptions: readonly ShardDescription[], staying: readonly ShardId[]): readonly ShardId[] {
  return descriptions
    .filter(({ id, slots }) => !staying.includes(id) && slots.some((row) => row.role === 'owned'))
    .map(({ id }) => id)
}

function allSlots(): SlotId[] {
  return Array.from({ length: SLOT_COUNT }, (_, slot) => slot as SlotId)
}
