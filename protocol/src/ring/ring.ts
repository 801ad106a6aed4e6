/**
 * Places slots on shards by consistent hashing with virtual nodes: what a fleet starts from, and what a migration aims for. Depends on
 * the set of shard ids and the number of vnodes only, never on the order of the list, so every program places alike; adding a
 * shard moves slots to it and none between the others.
 *
 * A placement is a wish. Who owns a slot is what the shards themselves say (I1).
 */
import { hash } from 'node:crypto'
import { SLOT_COUNT, type SlotId } from './slots.ts'

/** Vnodes a shard where nothing else is configured (`DEDUP_VNODES`): shares differ by about 1/√150 = 8 %. */
export const DEFAULT_VNODES = 150

/** Bounds the work of one placement: 10,000 points a shard hash in some 10 ms. */
export const MAX_VNODES = 10_000

/** Slots that go from one shard to another. */
export interface SlotMove {
  readonly from: string
  readonly to: string
  /** Ascending. */
  readonly slots: readonly SlotId[]
}

/** Points lie on a circle of 2^48; slot s stands at s · 2^34 and belongs to the first point at or after it. */
const POINT_BYTES = 6
const SLOT_STEP = 2 ** (POINT_BYTES * 8) / SLOT_COUNT

/** @returns for each slot the index of its shard in `shardIds`. @throws RangeError for an empty list, a repeated id, or bad `vnodes`. */
export function placeSlots(shardIds: readonly string[], vnodes: number): Uint16Array {
  if (shardIds.length === 0) throw new RangeError('a ring needs at least one shard')
  if (shardIds.length > 65_535) throw new RangeError(`a ring holds at most 65535 shards, not ${shardIds.length}`)
  if (new Set(shardIds).size !== shardIds.length) throw new RangeError('a ring names each shard once')
  if (!Number.isInteger(vnodes) || vnodes < 1 || vnodes > MAX_VNODES)
    throw new RangeError(`vnodes must be an integer in 1..${MAX_VNODES}, not ${vnodes}`)
  const points = shardIds.flatMap((id, shard) =>
    Array.from({ length: vnodes }, (_, vnode) => ({
      at: hash('sha256', `${id}#${vnode}`, 'buffer').readUIntBE(0, POINT_BYTES),
      id,
      shard,
    })),
  )
  // Two points at one place are as good as impossible, but must not depend on the order of the list.
  points.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  const owners = new Uint16Array(SLOT_COUNT)
  let next = 0
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    while (next < points.length && (points[next] as { at: number }).at < slot * SLOT_STEP) next++
    owners[slot] = (points[next % points.length] as { shard: number }).shard
  }
  return owners
}

/** The slots whose shard differs, grouped by (from, to) in the order of the ids. Rings of other origin than `placeSlots` will do too. */
export function movesBetween(
  ringA: Uint16Array,
  idsA: readonly string[],
  ringB: Uint16Array,
  idsB: readonly string[],
): SlotMove[] {
  const groups = new Map<string, { from: string; to: string; slots: SlotId[] }>()
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const from = shardAt(ringA, idsA, slot)
    const to = shardAt(ringB, idsB, slot)
    if (from === to) continue
    const name = JSON.stringify([from, to])
    const group = groups.get(name) ?? { from, to, slots: [] }
    group.slots.push(slot as SlotId)
    groups.set(name, group)
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

function shardAt(ring: Uint16Array, ids: readonly string[], slot: number): string {
  const id = ids[ring[slot] ?? ids.length]
  if (id === undefined) throw new RangeError(`the ring names no shard of the list for slot ${slot}`)
  return id
}
