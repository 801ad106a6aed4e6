import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_VNODES, movesBetween, placeSlots } from './ring.ts'
import { SLOT_COUNT } from './slots.ts'

const IDS = ['shard-0:6379', 'shard-1:6379', 'shard-2:6379', 'shard-3:6379', 'shard-4:6379']
const place = (ids: string[]) => placeSlots(ids, DEFAULT_VNODES)
const names = (ids: string[]) => Array.from(place(ids), (index) => ids[index])

describe('placeSlots', () => {
  it('gives one shard every slot', () => {
    expect(new Set(place(IDS.slice(0, 1)))).toEqual(new Set([0]))
  })

  it('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(IDS, { minLength: 1 }), (ids) => {
        expect(names(ids)).toEqual(names([...ids].sort()))
      }),
      { numRuns: 30 },
    )
  })

  it('keeps every share within a quarter of the fair one', () => {
    for (const count of [2, 3, 5]) {
      const shares = new Array<number>(count).fill(0)
      for (const index of place(IDS.slice(0, count))) shares[index]!++
      for (const share of shares) expect(Math.abs(share / (SLOT_COUNT / count) - 1)).toBeLessThan(0.25)
    }
  })

  it('stays as it is for ever, since fleets in the field were placed by it', () => {
    const ring = place(IDS.slice(0, 3))
    expect([0, 1000, 3000, 9000, 12000].map((slot) => ring[slot])).toEqual([0, 1, 2, 0, 1])
  })

  it.each([
    ['no shard', [], 150],
    ['a shard twice', ['a', 'a'], 150],
    ['no vnodes', ['a'], 0],
    ['half a vnode', ['a'], 1.5],
    ['too many vnodes', ['a'], 10_001],
  ])('refuses %s', (_name, ids, vnodes) => {
    expect(() => placeSlots(ids, vnodes)).toThrowError(RangeError)
  })
})

describe('movesBetween', () => {
  const movesOf = (from: string[], to: string[]) => movesBetween(place(from), from, place(to), to)

  it('finds nothing to move between equal rings, in whatever order they list their shards', () => {
    expect(movesOf(IDS.slice(0, 3), IDS.slice(0, 3).reverse())).toEqual([])
  })

  it('moves slots only to the new shards when shards are added', () => {
    const moves = movesOf(IDS.slice(0, 3), IDS)
    expect(new Set(moves.map((move) => move.to))).toEqual(new Set(IDS.slice(3)))
    const moved = moves.reduce((sum, move) => sum + move.slots.length, 0)
    expect(moved / SLOT_COUNT).toBeGreaterThan(0.3)
    expect(moved / SLOT_COUNT).toBeLessThan(0.5)
  })

  it('moves exactly the slots of the leaving shards when shards are removed', () => {
    const moves = movesOf(IDS, IDS.slice(0, 3))
    expect(new Set(moves.map((move) => move.from))).toEqual(new Set(IDS.slice(3)))
  })

  it('lists each moving slot once, and applying the moves to the old ring gives the new one', () => {
    const [from, to] = [IDS.slice(0, 1), IDS.slice(0, 3)]
    const owners = names(from)
    const seen = new Set<number>()
    for (const move of movesOf(from, to)) {
      for (const slot of move.slots) {
        expect(owners[slot]).toBe(move.from)
        expect(seen.has(slot)).toBe(false)
        seen.add(slot)
        owners[slot] = move.to
      }
    }
    expect(owners).toEqual(names(to))
  })
})
