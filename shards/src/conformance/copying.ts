/** Moving records: batches, checkpoints, capture, conflicts, and that nothing is lost while writers write. */

import { setImmediate } from 'node:timers/promises'
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import { describe, expect, it } from 'vitest'
import { CLOCK_TOLERANCE_MS, type Put, type ShardControl } from '../port.ts'
import {
  aliveAt,
  type Bed,
  copy,
  drain,
  getOne,
  keyIn,
  M1,
  openPair,
  type Pair,
  prepare,
  putAll,
  putIn,
  putOne,
  putsIn,
  rowOf,
  type Shard,
  slot,
  soon,
} from './bed.ts'

async function withPair(bed: Bed, test: (pair: Pair) => Promise<void>): Promise<void> {
  const pair = await openPair(bed)
  await test(pair)
  await pair.close()
}

async function startImport(pair: Pair, slots: Parameters<ShardControl['beginImport']>[1]): Promise<void> {
  await pair.source.control.startCapture(M1, slots, pair.target.control.id)
  await pair.target.control.beginImport(M1, slots, pair.source.control.id)
}

async function recordsOf(shard: Shard, puts: readonly Put[]): Promise<(string | undefined)[]> {
  return (
    await shard.data.get(
      puts.map(({ key }) => key),
      soon(),
    )
  ).map((record) => record?.toString('hex'))
}

export function describeCopying(bed: Bed): void {
  describe(`${bed.kind}: a copy`, () => {
    it('brings every record with its absolute expiry, marks each slot with its last batch, and can be repeated', () =>
      withPair(bed, async (pair) => {
        const slots = [slot(0), slot(1), slot(2), slot(77), slot(5000), slot(SLOT_COUNT - 1)]
        const puts = putsIn(slots.slice(0, 5), 30)
        await putAll(pair.source, puts)
        await startImport(pair, slots)
        const batches = await copy(pair, M1, slots, 40)
        expect(batches.length).toBeGreaterThan(2)
        expect(batches.reduce((keys, batch) => keys + batch.keys, 0)).toBe(puts.length)
        expect(batches.flatMap((batch) => batch.completes)).toEqual(slots)
        for (const of of slots) expect(await rowOf(pair.target, of)).toMatchObject({ role: 'importing', copy: 'copied' })
        expect(await recordsOf(pair.target, puts)).toEqual(puts.map(({ record }) => record.toString('hex')))
        for (const batch of batches)
          expect(await pair.target.control.apply(M1, batch)).toEqual({ added: 0, alreadyThere: batch.keys, conflicts: [] })
        const options = { aliveAtMs: aliveAt(), withoutCaptured: undefined }
        expect(await pair.target.control.digest(slots, options)).toEqual(await pair.source.control.digest(slots, options))
      }))

    it('goes through a slot that is larger than a batch, and resumes from a cursor that was stored', () =>
      withPair(bed, async (pair) => {
        const slots = [slot(9), slot(10), slot(11)]
        await putAll(pair.source, [...putsIn([slot(9)], 3), ...putsIn([slot(10)], 1500), ...putsIn([slot(11)], 3)])
        await startImport(pair, slots)
        let stored = JSON.stringify({ slots, within: undefined })
        let batches = 0
        for (;;) {
          const { batch, next } = await pair.source.control.exportFrom(JSON.parse(stored), 200)
          await pair.target.control.apply(M1, batch)
          batches++
          if (batch.completes.length === 0) expect(next?.within).toBeDefined()
          if (!next) break
          stored = JSON.stringify(next)
        }
        expect(batches).toBeGreaterThan(4)
        expect(await pair.target.control.measure(slots)).toMatchObject({ keys: 1506 })
        for (const of of slots) expect(await rowOf(pair.target, of)).toMatchObject({ copy: 'copied' })
      }))

    it('is refused into a slot that is not being moved by this migration, and changes nothing', () =>
      withPair(bed, async (pair) => {
        const [moved, other] = [slot(20), slot(21)]
        await putAll(pair.source, putsIn([moved, other], 3))
        await startImport(pair, [moved])
        const { batch } = await pair.source.control.exportFrom({ slots: [moved, other], within: undefined }, 100)
        await expect(pair.target.control.apply(M1, batch)).rejects.toMatchObject({ refusal: { kind: 'illegal', slot: 21 } })
        expect(await pair.target.control.measure([moved, other])).toMatchObject({ keys: 0 })
        expect(await rowOf(pair.target, moved)).toMatchObject({ copy: 'pending' })
      }))

    it('is discarded in pieces, to the last record of its slots and not one beyond', () =>
      withPair(bed, async (pair) => {
        const beside = putsIn([slot(302)], 3)
        await putAll(pair.source, [...putsIn([slot(300)], 5), ...putsIn([slot(303)], 4), ...beside])
        await prepare(pair, M1, [slot(300), slot(301), slot(302), slot(303)])
        const { control } = pair.target
        const discarded = [slot(303), slot(300), slot(301)]
        const deleted: number[] = []
        for (let done = false; !done; ) {
          const result = await control.discard(M1, discarded, 4)
          expect(result.deleted).toBeLessThanOrEqual(4)
          deleted.push(result.deleted)
          done = result.done
        }
        expect(deleted.reduce((sum, one) => sum + one, 0)).toBe(9)
        expect((await control.describe()).slots.map((row) => row.slot)).toEqual([302])
        expect((await control.listSlot(slot(302), aliveAt())).size).toBe(beside.length)
      }))

    it('never overwrites a different live record, names its key, and does not call the slot copied', () =>
      withPair(bed, async (pair) => {
        const [torn, whole] = [slot(30), slot(31)]
        const key = keyIn(torn)
        const intruder = await openPair(bed)
        await putOne(intruder.source, putIn(torn, { key, record: 'of someone else' }))
        await putAll(pair.source, [putIn(torn, { key, record: 'of the source' }), ...putsIn([torn, whole], 5)])
        await startImport(pair, [torn, whole])
        const foreign = await intruder.source.control.exportFrom({ slots: [torn], within: undefined }, 10)
        await pair.target.control.apply(M1, { ...foreign.batch, completes: [] })
        const { batch } = await pair.source.control.exportFrom({ slots: [torn, whole], within: undefined }, 100)
        expect(await pair.target.control.apply(M1, batch)).toMatchObject({ added: 10, conflicts: [key] })
        expect(await getOne(pair.target, key)).toBe('of someone else')
        expect(await rowOf(pair.target, torn)).toMatchObject({ copy: 'pending' })
        expect(await rowOf(pair.target, whole)).toMatchObject({ copy: 'copied' })
        await intruder.close()
      }))

    it('meets captured records in some of its slots, and brings the rest of these and of the others', () =>
      withPair(bed, async (pair) => {
        const [met, other] = [slot(35), slot(36)]
        const slots = [met, other]
        await putAll(pair.source, putsIn(slots, 5))
        await startImport(pair, slots)
        const meanwhile = putsIn([met], 2)
        await putAll(pair.source, meanwhile)
        const captured = await pair.source.control.readCaptured(M1.migration, slots, 100)
        expect(await pair.target.control.apply(M1, captured!.batch)).toMatchObject({ added: 2 })
        expect(await rowOf(pair.target, met)).toMatchObject({ copy: 'pending' })
        const { batch } = await pair.source.control.exportFrom({ slots, within: undefined }, 100)
        expect(batch.keys).toBe(12)
        expect(await pair.target.control.apply(M1, batch)).toEqual({ added: 10, alreadyThere: 2, conflicts: [] })
        for (const of of slots) expect(await rowOf(pair.target, of)).toMatchObject({ copy: 'copied' })
        const options = { aliveAtMs: aliveAt(), withoutCaptured: undefined }
        expect(await pair.target.control.digest(slots, options)).toEqual(await pair.source.control.digest(slots, options))
      }))

    it('takes the successor of an expired record, in whatever order they come and whatever the clocks say', () =>
      withPair(bed, async (pair) => {
        const of = slot(40)
        const [first, second] = [keyIn(of), keyIn(of)]
        // Expired at the source by its clock; at the target, whose clock may be behind, not quite.
        const old = Date.now() + CLOCK_TOLERANCE_MS / 2
        const earlier = await openPair(bed)
        await putAll(earlier.source, [
          putIn(of, { key: first, record: 'old', expiresAtMs: old }),
          putIn(of, { key: second, record: 'old', expiresAtMs: old }),
        ])
        await putAll(pair.source, [putIn(of, { key: first, record: 'new' }), putIn(of, { key: second, record: 'new' })])
        await startImport(pair, [of])
        const before = await earlier.source.control.exportFrom({ slots: [of], within: undefined }, 10)
        const after = await pair.source.control.exportFrom({ slots: [of], within: undefined }, 10)
        for (const batch of [before.batch, after.batch, before.batch])
          expect(await pair.target.control.apply(M1, batch)).toMatchObject({ conflicts: [] })
        expect([await getOne(pair.target, first), await getOne(pair.target, second)]).toEqual(['new', 'new'])
        await earlier.close()
      }))
  })

  describe(`${bed.kind}: capture`, () => {
    it('queues each write of the captured slots and no other, until it is dropped, and drops nothing twice', () =>
      withPair(bed, async (pair) => {
        const captured = [slot(50), slot(51)]
        const { control } = pair.source
        expect(await control.captureBacklog(M1.migration)).toEqual({ keys: 0, lagMs: 0 })
        await putAll(pair.source, putsIn(captured, 2))
        await control.startCapture(M1, captured, pair.target.control.id)
        const puts = putsIn([...captured, slot(52)], 4)
        await putAll(pair.source, puts)
        await putAll(pair.source, puts) // none of these is written
        const backlog = await control.captureBacklog(M1.migration)
        expect(backlog.keys).toBe(8)
        expect(backlog.lagMs).toBeLessThan(10_000)
        await pair.target.control.beginImport(M1, captured, control.id)
        const one = await control.readCaptured(M1.migration, captured, 3)
        expect(one?.batch.keys).toBe(3)
        expect((await control.readCaptured(M1.migration, captured, 3))?.batch.keys).toBe(3)
        await control.dropCaptured(M1, one?.token as string)
        await control.dropCaptured(M1, one?.token as string)
        expect((await control.captureBacklog(M1.migration)).keys).toBe(5)
        expect((await control.readCaptured(M1.migration, [slot(51)], 100))?.batch.slots).toEqual([51])
        await pair.target.control.apply(M1, one?.batch as never)
        expect(await drain(pair.source, pair.target, M1, captured)).toBe(5)
        expect(await control.readCaptured(M1.migration, captured, 10)).toBeUndefined()
        expect(await control.captureBacklog(M1.migration)).toEqual({ keys: 0, lagMs: 0 })
        const moving = puts.filter((put) => put.slot !== 52)
        expect(await recordsOf(pair.target, moving)).toEqual(moving.map(({ record }) => record.toString('hex')))
      }))

    it('of one migration is not given to another, and ends with what was queued', () =>
      withPair(bed, async (pair) => {
        const of = [slot(60)]
        await pair.source.control.startCapture(M1, of, pair.target.control.id)
        await putAll(pair.source, putsIn(of, 3))
        expect(await pair.source.control.readCaptured('m-2' as never, of, 10)).toBeUndefined()
        const read = await pair.source.control.readCaptured(M1.migration, of, 10)
        await pair.source.control.stopCapture(M1, of)
        expect((await pair.source.control.captureBacklog(M1.migration)).keys).toBe(0)
        await putAll(pair.source, putsIn(of, 3))
        await pair.source.control.startCapture(M1, of, pair.target.control.id)
        await putAll(pair.source, putsIn(of, 2))
        // A token from before must not touch what was queued since.
        await pair.source.control.dropCaptured(M1, read?.token as string)
        expect((await pair.source.control.captureBacklog(M1.migration)).keys).toBe(2)
      }))

    it('captures the successor of an expired record', () =>
      withPair(bed, async (pair) => {
        const of = [slot(61)]
        const old = putIn(slot(61), { record: 'old', expiresAtMs: Date.now() - 1000 })
        await putOne(pair.source, old)
        await pair.source.control.startCapture(M1, of, pair.target.control.id)
        await putOne(pair.source, { ...old, record: Buffer.from('new'), expiresAtMs: Date.now() + 1_000_000 })
        await pair.target.control.beginImport(M1, of, pair.source.control.id)
        expect(await drain(pair.source, pair.target, M1, of)).toBe(1)
        expect(await getOne(pair.target, old.key)).toBe('new')
      }))

    it('survives that the slot is taken back by its source before the target had it', () =>
      withPair(bed, async (pair) => {
        const of = [slot(62)]
        await prepare(pair, M1, of)
        const puts = putsIn(of, 3)
        await putAll(pair.source, puts)
        await pair.source.control.release(M1, of, pair.target.control.id)
        await pair.source.control.acquire(M1, [{ slot: slot(62), generation: 2 as never }], undefined)
        expect((await pair.source.control.captureBacklog(M1.migration)).keys).toBe(0)
        expect((await putAll(pair.source, puts)).map(({ kind }) => kind)).toEqual(['exists', 'exists', 'exists'])
      }))
  })

  describe(`${bed.kind}: under writers`, () => {
    it('loses no write and decides none twice while slots move, and the drain after a release is complete', () =>
      withPair(bed, async (pair) => {
        const slots = Array.from({ length: 64 }, (_, n) => slot(n * 200))
        await putAll(pair.source, putsIn(slots, 20))
        const decided: Put[] = []
        let stop = false
        const writer = async () => {
          while (!stop) {
            // A turn of the event loop for others; in memory all else is microtasks.
            await setImmediate()
            const puts = Array.from({ length: 10 }, () => putIn(slots[Math.floor(Math.random() * slots.length)] as never))
            let open = puts
            // As a pod does: follow the hint, and meanwhile wait.
            while (open.length > 0) {
              const outcomes = await Promise.all([pair.source.data.put(open, soon()), pair.target.data.put(open, soon())])
              for (const {
                outcomes: [one],
              } of outcomes)
                expect(one).toBeDefined()
              const wins = open.map((_, n) => outcomes.filter((reply) => reply.outcomes[n]?.kind === 'written').length)
              expect(Math.max(...wins)).toBeLessThan(2)
              decided.push(...open.filter((_, n) => wins[n] === 1))
              open = open.filter((_, n) => outcomes.every((reply) => reply.outcomes[n]?.kind === 'not-owner'))
            }
          }
        }
        const writers = Array.from({ length: 8 }, writer)
        try {
          await prepare(pair, M1, slots)
          for (const step of [slots.slice(0, 4), slots.slice(4, 32), slots.slice(32)]) {
            await pair.source.control.release(M1, step, pair.target.control.id)
            await drain(pair.source, pair.target, M1, step)
            const acquired = step.map((of) => ({ slot: of, generation: 2 as never }))
            // I4: what the target holds now is everything that the source ever decided.
            const options = { aliveAtMs: aliveAt(), withoutCaptured: undefined }
            expect(await pair.target.control.digest(step, options)).toEqual(await pair.source.control.digest(step, options))
            await pair.target.control.acquire(M1, acquired, pair.source.control.id)
          }
          while (decided.length < 500) await setImmediate()
        } finally {
          stop = true
          await Promise.all(writers)
        }
        expect(await recordsOf(pair.target, decided)).toEqual(decided.map(({ record }) => record.toString('hex')))
        await drain(pair.target, pair.source, M1, slots)
        expect(await recordsOf(pair.source, decided)).toEqual(decided.map(({ record }) => record.toString('hex')))
      }))
  })
}
