/** The control plane: what is legal in which state, who may say so, and that calls may be repeated. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openShardControl } from '../open.ts'
import { type Fence, type MigrationId, type ShardId, ShardRefused } from '../port.ts'
import {
  ALL_SLOTS,
  type Bed,
  closeShard,
  copy,
  generation,
  M1,
  M2,
  NOBODY,
  openPair,
  openShard,
  type Pair,
  prepare,
  putAll,
  putIn,
  putOne,
  putsIn,
  rowOf,
  slot,
  switchOver,
} from './bed.ts'

async function refusalOf(call: Promise<unknown>): Promise<ShardRefused['refusal'] | undefined> {
  return await call.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ShardRefused) return error.refusal
      throw error
    },
  )
}

export function describeOwnership(bed: Bed): void {
  describe(`${bed.kind}: joining a fleet`, () => {
    it('finds an empty server, makes it a shard, and finds the same again', async () => {
      const shard = await openShard(bed)
      expect(await shard.control.describe()).toMatchObject({
        id: shard.address.id,
        fleet: undefined,
        epoch: 0,
        fence: 0,
        slots: [],
      })
      expect(await putOne(shard, putIn(slot(1)))).toEqual({ kind: 'not-owner', owner: undefined, generation: undefined })
      const fleet = { id: 'f', initialOwners: [shard.control.id, NOBODY] }
      const initialise = () => shard.control.initialise(fleet, [slot(1), slot(16383)])
      // Pods start at once.
      await Promise.all([initialise(), initialise(), initialise()])
      const described = await shard.control.describe()
      expect(described).toMatchObject({
        fleet: { ...fleet, ready: false },
        epoch: 1,
        slots: [
          { slot: 1, role: 'owned', generation: 1, capture: undefined },
          { slot: 16383, role: 'owned', generation: 1, capture: undefined },
        ],
      })
      await shard.control.initialise(fleet, ALL_SLOTS)
      expect(await shard.control.describe()).toEqual(described)
      await shard.control.markFleetReady()
      expect((await shard.control.describe()).fleet?.ready).toBe(true)
      await closeShard(shard)
    })

    it('refuses to join another fleet', async () => {
      const shard = await openShard(bed)
      await shard.control.initialise({ id: 'one', initialOwners: [] }, [])
      const refused = await refusalOf(shard.control.initialise({ id: 'two', initialOwners: [] }, []))
      expect(refused).toEqual({ kind: 'other-fleet', fleet: 'one' })
      await closeShard(shard)
    })
  })

  describe(`${bed.kind}: the lease`, () => {
    it('is held by one, renewed by its holder, taken when it has run out or was given back, and taken over on demand', async () => {
      const shard = await openShard(bed)
      const { control } = shard
      await control.initialise({ id: 'f', initialOwners: [] }, [])
      const take = (holder: string, gen: number, ttlMs = 60_000, takeOver = false) =>
        refusalOf(control.acquireLease({ holder, generation: gen, ttlMs, takeOver }))
      expect(await take('a', 1)).toBeUndefined()
      expect((await control.describe()).lease).toMatchObject({ holder: 'a', generation: 1 })
      expect(await take('a', 1)).toBeUndefined()
      expect(await take('b', 2)).toMatchObject({ kind: 'lease-held', lease: { holder: 'a', generation: 1 } })
      expect(await take('b', 1, 60_000, true)).toEqual({ kind: 'fenced', seen: 1 })
      expect(await take('b', 2, 60_000, true)).toBeUndefined()
      expect(await take('a', 1)).toEqual({ kind: 'fenced', seen: 2 })
      expect(await take('a', 3)).toMatchObject({ kind: 'lease-held', lease: { holder: 'b' } })
      await control.releaseLease(1)
      expect((await control.describe()).lease).toMatchObject({ holder: 'b' })
      await control.releaseLease(2)
      expect(await control.describe()).toMatchObject({ lease: undefined, fence: 2 })
      expect(await take('c', 2)).toEqual({ kind: 'fenced', seen: 2 })
      expect(await take('c', 3, 0)).toBeUndefined()
      expect((await control.describe()).lease).toBeUndefined()
      expect(await take('d', 4)).toBeUndefined()
      await closeShard(shard)
    })

    it('goes to one of many who ask at once with the same generation', async () => {
      const shard = await openShard(bed)
      await shard.control.initialise({ id: 'f', initialOwners: [] }, [])
      const holders = ['a', 'b', 'c', 'd', 'e']
      const refusals = await Promise.all(
        holders.map((holder) => refusalOf(shard.control.acquireLease({ holder, generation: 7, ttlMs: 60_000, takeOver: false }))),
      )
      expect(refusals.filter((refusal) => refusal === undefined)).toHaveLength(1)
      await closeShard(shard)
    })
  })

  describe(`${bed.kind}: ownership`, () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await openPair(bed)
    })
    afterAll(() => pair.close())

    it('moves a slot with all its records, there and back, and tells where it went', async () => {
      const moved = [slot(100), slot(101)]
      const puts = putsIn(moved, 20)
      await putAll(pair.source, puts)
      const before = (await pair.source.control.describe()).epoch
      await prepare(pair, M1, moved)
      await switchOver(pair.source, pair.target, M1, moved, true)
      expect((await pair.source.control.describe()).epoch).toBe(before + 1)
      expect(await putOne(pair.source, putIn(slot(100)))).toEqual({
        kind: 'not-owner',
        owner: pair.target.control.id,
        generation: 2,
      })
      expect(new Set((await putAll(pair.target, puts)).map(({ kind }) => kind))).toEqual(new Set(['exists']))
      const since = putsIn(moved, 5)
      await putAll(pair.target, since)
      await switchOver(pair.target, pair.source, M1, moved, false)
      expect(await rowOf(pair.source, slot(100))).toEqual({ slot: 100, role: 'owned', generation: 3, capture: undefined })
      expect(await putOne(pair.target, putIn(slot(100)))).toEqual({
        kind: 'not-owner',
        owner: pair.source.control.id,
        generation: 3,
      })
      expect(new Set((await putAll(pair.source, [...puts, ...since])).map(({ kind }) => kind))).toEqual(new Set(['exists']))
    })

    it('shows each change of a row to those who have looked before', async () => {
      const of = slot(130)
      const seen = { source: openShardControl(pair.source.address), target: openShardControl(pair.target.address) }
      const rowAt = async (side: keyof typeof seen) => (await seen[side].describe()).slots.find((row) => row.slot === of)
      const [source, target] = [pair.source.control, pair.target.control]
      await putAll(pair.source, putsIn([of], 3))
      expect([await rowAt('source'), await rowAt('target')]).toMatchObject([{ role: 'owned', capture: undefined }, undefined])
      await target.beginImport(M1, [of], source.id)
      expect(await rowAt('target')).toMatchObject({ role: 'importing', copy: 'pending' })
      await source.startCapture(M1, [of], target.id)
      expect(await rowAt('source')).toMatchObject({ role: 'owned', capture: { to: target.id } })
      await copy(pair, M1, [of])
      expect(await rowAt('target')).toMatchObject({ role: 'importing', copy: 'copied' })
      await target.markVerified(M1, [of])
      expect(await rowAt('target')).toMatchObject({ role: 'importing', copy: 'verified' })
      await switchOver(pair.source, pair.target, M1, [of], false)
      expect([await rowAt('source'), await rowAt('target')]).toMatchObject([{ role: 'released' }, { role: 'owned' }])
      expect(await source.discard(M1, [of], 10)).toEqual({ deleted: 3, done: true })
      expect(await rowAt('source')).toMatchObject({ role: 'released', migration: undefined })
      await Promise.all([seen.source.close(), seen.target.close()])
    })

    it('lets a stale clean-up do no harm after the slot has moved back (the ABA of delayed drops)', async () => {
      const moved = [slot(110)]
      const puts = putsIn(moved, 10)
      await putAll(pair.source, puts)
      await prepare(pair, M1, moved)
      await switchOver(pair.source, pair.target, M1, moved, true)
      await pair.target.control.stopCapture(M1, moved)
      const cleanUp = (fence: Fence) => pair.source.control.discard(fence, moved, 1000)
      expect(await cleanUp(M1)).toEqual({ deleted: 10, done: true })
      // A second migration brings it back; then the first one's message arrives again, under its old and under the newest generation.
      await pair.target.control.startCapture(M2, moved, pair.source.control.id)
      await pair.source.control.beginImport(M2, moved, pair.target.control.id)
      const newestButOther: Fence = { generation: M2.generation, migration: M1.migration }
      expect(await refusalOf(cleanUp(newestButOther))).toMatchObject({ kind: 'illegal', slot: 110 })
      await copy({ source: pair.target, target: pair.source, close: pair.close }, M2, moved)
      await pair.source.control.markVerified(M2, moved)
      await switchOver(pair.target, pair.source, M2, moved, false)
      expect(await refusalOf(cleanUp(M1))).toEqual({ kind: 'fenced', seen: 2 })
      expect(await refusalOf(cleanUp(newestButOther))).toMatchObject({ kind: 'illegal', slot: 110 })
      expect(new Set((await putAll(pair.source, puts)).map(({ kind }) => kind))).toEqual(new Set(['exists']))
    })
  })

  describe(`${bed.kind}: what is refused`, () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await openPair(bed)
    })
    afterAll(() => pair.close())
    const fence: Fence = { generation: 5, migration: 'm-5' as MigrationId }
    const other: Fence = { generation: 5, migration: 'm-other' as MigrationId }

    it('every mutating call of a lower generation', async () => {
      await pair.source.control.putMigration(fence, '{}')
      await pair.target.control.putMigration(fence, '{}')
      const low: Fence = { generation: 4, migration: fence.migration }
      const { control } = pair.source
      const empty = { payload: Buffer.alloc(0), keys: 0, bytes: 0, completes: [], slots: [] }
      const calls = {
        putMigration: () => control.putMigration(low, '{"late":true}'),
        beginImport: () => control.beginImport(low, [slot(1)], NOBODY),
        markVerified: () => control.markVerified(low, [slot(1)]),
        startCapture: () => control.startCapture(low, [slot(1)], NOBODY),
        stopCapture: () => control.stopCapture(low, [slot(1)]),
        release: () => control.release(low, [slot(1)], NOBODY),
        acquire: () => control.acquire(low, [{ slot: slot(1), generation: generation(1) }], undefined),
        discard: () => control.discard(low, [slot(1)], 1),
        apply: () => control.apply(low, empty),
        dropCaptured: () => control.dropCaptured(low, '1:1'),
      }
      for (const [name, call] of Object.entries(calls))
        expect({ name, refusal: await refusalOf(call()) }).toEqual({ name, refusal: { kind: 'fenced', seen: 5 } })
      expect((await control.describe()).migrations).toEqual(new Map([[fence.migration, '{}']]))
    })

    it('every step out of order, naming the slot and its state, and the others of the call stay as they were', async () => {
      const { source, target } = { source: pair.source.control, target: pair.target.control }
      const [a, b] = [slot(200), slot(201)]
      const illegal = async (call: Promise<unknown>, of: number) =>
        expect(await refusalOf(call)).toMatchObject({
          kind: 'illegal',
          slot: of,
          is: expect.any(String),
          needs: expect.any(String),
        })
      await illegal(source.release(fence, [a], target.id), a) // not captured
      await illegal(source.beginImport(fence, [a], NOBODY), a) // owned
      await illegal(source.acquire(fence, [{ slot: a, generation: generation(1 + 1) }], undefined), a)
      await illegal(source.discard(fence, [a], 10), a)
      await illegal(target.startCapture(fence, [a], source.id), a)
      await illegal(target.markVerified(fence, [a]), a)
      await target.beginImport(fence, [a, b], source.id)
      await illegal(target.markVerified(fence, [a]), a) // pending
      await illegal(target.acquire(fence, [{ slot: a, generation: generation(2) }], undefined), a)
      await illegal(target.beginImport(fence, [a], NOBODY), a) // from another source
      await illegal(target.beginImport(other, [a], source.id), a)
      await illegal(target.discard(other, [a], 10), a)
      await illegal(target.release(fence, [a], source.id), a)
      await source.startCapture(fence, [a], target.id)
      await illegal(source.startCapture(other, [a], target.id), a)
      await illegal(source.startCapture(fence, [a], NOBODY), a)
      await illegal(source.stopCapture(other, [a]), a)
      await illegal(source.release(other, [a], target.id), a)
      await illegal(source.release(fence, [a], NOBODY), a)
      await illegal(source.release(fence, [a, b], target.id), b) // b is not captured: a must stay
      expect(await rowOf(pair.source, a)).toMatchObject({ role: 'owned', generation: 1 })
      await source.release(fence, [a], target.id)
      await illegal(source.startCapture(fence, [a], target.id), a)
      await illegal(source.stopCapture(fence, [a]), a)
      await illegal(source.acquire(other, [{ slot: a, generation: generation(2) }], undefined), a)
      await illegal(source.acquire(fence, [{ slot: a, generation: generation(1) }], undefined), a) // a generation back
      await illegal(source.beginImport(fence, [a], target.id), a) // still kept for the way back
    })

    it('an import into a slot that holds records', async () => {
      const of = slot(210)
      await putOne(pair.source, putIn(of))
      await pair.source.control.startCapture(fence, [of], pair.target.control.id)
      await pair.target.control.beginImport(fence, [of], pair.source.control.id)
      await copy(pair, fence, [of])
      // The import is given up but for its last record.
      await putOne(pair.source, putIn(of))
      const read = await pair.source.control.readCaptured(fence.migration, [of], 10)
      if (!read) throw new Error('nothing was captured')
      await pair.target.control.apply(fence, read.batch)
      expect(await pair.target.control.discard(fence, [of], 1)).toEqual({ deleted: 1, done: false })
      expect(await rowOf(pair.target, of)).toMatchObject({ role: 'importing' })
      expect(await pair.target.control.discard(fence, [of], 10)).toEqual({ deleted: 1, done: true })
      expect(await rowOf(pair.target, of)).toBeUndefined()
      await pair.target.control.beginImport(fence, [of], pair.source.control.id)
    })

    it('a discard while captured records are queued', async () => {
      const of = slot(220)
      await pair.source.control.startCapture(fence, [of], pair.target.control.id)
      await putOne(pair.source, putIn(of))
      await pair.source.control.release(fence, [of], pair.target.control.id)
      expect(await refusalOf(pair.source.control.discard(fence, [of], 10))).toMatchObject({
        kind: 'illegal',
        slot: 220,
        is: 'holding captured records',
      })
    })

    it('a migration id that rows and keys could not hold', async () => {
      const bad: Fence = { generation: 9, migration: 'two words' as MigrationId }
      expect(() => pair.source.control.startCapture(bad, [slot(1)], NOBODY)).toThrow('migration id')
    })
  })

  describe(`${bed.kind}: repeating`, () => {
    it('each call that was done succeeds again and changes nothing', async () => {
      const pair = await openPair(bed)
      const { source, target } = { source: pair.source.control, target: pair.target.control }
      const slots = [slot(1), slot(2)]
      await putAll(pair.source, putsIn(slots, 5))
      const twice = async (shard: typeof source, call: () => Promise<unknown>) => {
        await call()
        const once = await shard.describe()
        await call()
        expect(await shard.describe()).toEqual(once)
      }
      await twice(source, () => source.putMigration(M1, '{"phase":"Copying"}'))
      await twice(source, () => source.startCapture(M1, slots, target.id))
      await twice(target, () => target.beginImport(M1, slots, source.id))
      await copy(pair, M1, slots)
      await twice(target, () => copy(pair, M1, slots))
      await twice(target, () => target.markVerified(M1, slots))
      await twice(source, () => source.release(M1, slots, target.id))
      const acquired = slots.map((of) => ({ slot: of, generation: generation(2) }))
      await twice(target, () => target.acquire(M1, acquired, source.id))
      await twice(target, () => target.stopCapture(M1, slots))
      await twice(source, () => source.discard(M1, slots, 100))
      expect(await rowOf(pair.source, slot(1))).toEqual({
        slot: 1,
        role: 'released',
        generation: 2,
        to: target.id,
        migration: undefined,
      })
      expect(await source.measure(slots)).toMatchObject({ keys: 0 })
      await pair.close()
    })
  })

  describe(`${bed.kind}: many slots`, () => {
    it('changes all slots of a shard in one call, soon enough for puts not to notice much', async () => {
      const pair = await openPair(bed)
      await pair.source.control.startCapture(M1, ALL_SLOTS, pair.target.control.id)
      await pair.target.control.beginImport(M1, ALL_SLOTS, pair.source.control.id)
      await copy(pair, M1, ALL_SLOTS)
      await pair.target.control.markVerified(M1, ALL_SLOTS)
      await switchOver(pair.source, pair.target, M1, ALL_SLOTS, true)
      const { slots } = await pair.target.control.describe()
      expect(slots).toHaveLength(ALL_SLOTS.length)
      expect(new Set(slots.map(({ role }) => role))).toEqual(new Set(['owned']))
      await pair.close()
    })
  })

  it(`${bed.kind}: an id never holds credentials`, async () => {
    const shard = await openShard(bed)
    expect(shard.control.id satisfies ShardId).not.toMatch(/@/)
    await closeShard(shard)
  })
}
