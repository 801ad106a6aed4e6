import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { type Generation, SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardDescription, ShardId } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { type MigrationSpec, notRemovable, planHash, planMoves } from './plan.ts'

const VNODES = 150
const ids = (count: number) => Array.from({ length: count }, (_, index) => `s${index}:1` as ShardId)
const spec = (from: readonly ShardId[], to: readonly ShardId[]): MigrationSpec => ({
  id: 'm' as MigrationId,
  from,
  to,
  vnodes: VNODES,
})

function fleetOf(owners: readonly ShardId[], all: readonly ShardId[]): ShardDescription[] {
  const placement = placeSlots(owners, VNODES)
  return all.map((id) => ({
    id,
    fleet: owners.includes(id) ? { id: 'fleet', initialOwners: owners, ready: true } : undefined,
    epoch: 1,
    lease: undefined,
    fence: 0,
    slots: Array.from({ length: SLOT_COUNT }, (_, slot) => slot as SlotId)
      .filter((slot) => owners[placement[slot]!] === id)
      .map((slot) => ({ slot, role: 'owned', generation: 1 as Generation, capture: undefined })),
    migrations: new Map(),
    replicas: 0,
    warnings: [],
  }))
}

function moves(from: number, to: number) {
  const planned = planMoves(spec(ids(from), ids(to)), fleetOf(ids(from), ids(Math.max(from, to))))
  if ('refused' in planned) throw new Error(planned.refused)
  return planned
}

describe('a plan', () => {
  it('moves slots to new shards only when a fleet grows, and about their share', () => {
    const planned = moves(3, 5)
    expect(new Set(planned.map(({ target }) => target))).toEqual(new Set(ids(5).slice(3)))
    const slots = planned.reduce((sum, move) => sum + move.slots.length, 0)
    expect(slots / SLOT_COUNT).toBeGreaterThan(0.3)
    expect(slots / SLOT_COUNT).toBeLessThan(0.5)
  })

  it('moves all slots of leaving shards, and no others, when it shrinks', () => {
    const planned = moves(5, 3)
    expect(new Set(planned.map(({ source }) => source))).toEqual(new Set(ids(5).slice(3)))
    const owned = fleetOf(ids(5), ids(5)).slice(3)
    expect(planned.reduce((sum, move) => sum + move.slots.length, 0)).toBe(
      owned.reduce((sum, { slots }) => sum + slots.length, 0),
    )
  })

  it('moves nothing where every slot is in its place', () => {
    expect(moves(3, 3)).toEqual([])
  })

  it('is refused while a shard that owns slots is left out, and for shards of no fleet', () => {
    const fleet = fleetOf(ids(3), ids(3))
    expect(planMoves(spec(ids(2), ids(2)), fleet.slice(0, 2))).toMatchObject({
      refused: expect.stringMatching(/list every shard/),
    })
    expect(planMoves(spec(['new:1' as ShardId], ids(2)), fleet)).toMatchObject({
      refused: expect.stringMatching(/belongs to no fleet/),
    })
    expect(notRemovable(fleet, ids(2))).toEqual([ids(3)[2]])
  })

  it('is refused where a target owns slots that the list of sources hides, but for a ring that is as wanted already', () => {
    const fleet = fleetOf(ids(2), ids(3))
    expect(planMoves(spec(ids(1), ids(3)), fleet)).toMatchObject({ refused: expect.stringMatching(/own slots already/) })
    expect(planMoves(spec(ids(1), ids(2)), fleet)).toEqual([])
  })

  it('has a hash that changes with the ring it met, and not with the order of the lists', () => {
    const fleet = fleetOf(ids(3), ids(5))
    const hash = planHash(spec(ids(3), ids(5)), fleet)
    expect(planHash(spec([...ids(3)].reverse(), [...ids(5)].reverse()), [...fleet].reverse())).toBe(hash)
    expect(planHash(spec(ids(3), ids(5)), fleetOf(ids(2), ids(5)))).not.toBe(hash)
    expect(planHash(spec(ids(3), ids(4)), fleet)).not.toBe(hash)
  })
})
