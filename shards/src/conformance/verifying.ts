/** Digests: equal for equal sets, different after any single change, and honest while writers write. */
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Put, SlotDigest } from '../port.ts'
import { aliveAt, type Bed, copy, DAY_MS, drain, M1, openPair, type Pair, putAll, putIn, putOne, putsIn, slot } from './bed.ts'

const OF = [slot(8), slot(16000)]

async function digests(pair: Pair, side: 'source' | 'target', withoutCaptured = false): Promise<SlotDigest[]> {
  return await pair[side].control.digest(OF, {
    aliveAtMs: aliveAt(),
    withoutCaptured: withoutCaptured ? M1.migration : undefined,
  })
}

export function describeVerifying(bed: Bed): void {
  describe(`${bed.kind}: digests`, () => {
    it('are equal for equal records, written in any order, and count them', async () => {
      const [one, two] = [await openPair(bed), await openPair(bed)]
      const puts = putsIn(OF, 50)
      await putAll(one.source, puts)
      await putAll(two.source, puts.toReversed())
      const [a, b] = [await digests(one, 'source'), await digests(two, 'source')]
      expect(a).toEqual(b)
      expect(a.map(({ slot, count }) => ({ slot, count }))).toEqual(OF.map((of) => ({ slot: of, count: 50 })))
      expect(a[0]?.digest).toMatch(/^[a-z0-9-]+:[0-9a-f]+$/)
      expect(a[0]?.digest).not.toBe(a[1]?.digest)
      await Promise.all([one.close(), two.close()])
    })

    it('differ after any single change, and the keys tell where', async () => {
      const [truth, changed] = [await openPair(bed), await openPair(bed)]
      const puts = putsIn([slot(8)], 12)
      await putAll(truth.source, puts)
      const base = puts[5] as Put
      const mutations: Record<string, (puts: Put[]) => Put[]> = {
        dropped: (all) => all.filter((put) => put !== base),
        changed: (all) => all.map((put) => (put === base ? { ...put, record: Buffer.from('x') } : put)),
        'one bit': (all) => all.map((put) => (put === base ? { ...put, record: flipped(put.record) } : put)),
        extra: (all) => [...all, putIn(slot(8))],
        'shifted expiry': (all) => all.map((put) => (put === base ? { ...put, expiresAtMs: put.expiresAtMs + 1 } : put)),
        'other key': (all) => all.map((put) => (put === base ? { ...put, key: putIn(slot(8)).key } : put)),
        swapped: (all) => all.map((put, n) => ({ ...put, record: (all[n === 5 ? 6 : n === 6 ? 5 : n] as Put).record })),
      }
      const options = { aliveAtMs: aliveAt(), withoutCaptured: undefined }
      const [right] = await truth.source.control.digest([slot(8)], options)
      const rightKeys = await truth.source.control.listSlot(slot(8), aliveAt())
      expect(rightKeys.size).toBe(puts.length)
      for (const [name, mutate] of Object.entries(mutations)) {
        const other = await openPair(bed)
        await putAll(other.source, mutate(puts))
        const [wrong] = await other.source.control.digest([slot(8)], options)
        expect({ name, same: wrong?.digest === right?.digest }).toEqual({ name, same: false })
        const keys = await other.source.control.listSlot(slot(8), aliveAt())
        const differing = [...new Set([...keys.keys(), ...rightKeys.keys()])].filter(
          (key) => keys.get(key) !== rightKeys.get(key),
        )
        expect({ name, differing: differing.length }).toEqual({
          name,
          differing: name === 'other key' || name === 'swapped' ? 2 : 1,
        })
        await other.close()
      }
      await Promise.all([truth.close(), changed.close()])
    })

    it('leave out what will have expired at the time that is named', async () => {
      const pair = await openPair(bed)
      const lasting = putsIn([slot(8)], 3)
      await putAll(pair.source, lasting)
      const before = await digests(pair, 'source')
      const at = aliveAt()
      await putOne(pair.source, putIn(slot(8), { expiresAtMs: at - DAY_MS / 2 }))
      expect(await digests(pair, 'source')).toEqual(before)
      await pair.close()
    })

    it('less what is queued equal what the target holds, at every moment while writers write', async () => {
      const pair = await openPair(bed)
      await putAll(pair.source, putsIn(OF, 40))
      await pair.source.control.startCapture(M1, OF, pair.target.control.id)
      await pair.target.control.beginImport(M1, OF, pair.source.control.id)
      await copy(pair, M1, OF)
      let stop = false
      const writer = (async () => {
        while (!stop) {
          await setImmediate()
          await putAll(pair.source, putsIn(OF, 3))
        }
      })()
      try {
        for (let round = 0; round < 8; round++) {
          // Nothing is applied between the two readings, so the target is where the queue begins.
          expect(await digests(pair, 'source', true)).toEqual(await digests(pair, 'target'))
          await drainOnce(pair)
        }
      } finally {
        stop = true
        await writer
      }
      await drain(pair.source, pair.target, M1, OF)
      expect(await digests(pair, 'source')).toEqual(await digests(pair, 'target'))
      await pair.close()
    })

    it('of many slots, in whatever order they are asked for, are those of each by itself', async () => {
      const pair = await openPair(bed)
      const full = [slot(0), slot(1), slot(2), slot(5), slot(6), slot(16382), slot(16383)]
      for (const [n, of] of full.entries()) await putAll(pair.source, putsIn([of], 1 + n))
      const asked = [slot(16383), slot(1), slot(3), slot(0), slot(6), slot(2), slot(5), slot(4), slot(16382)]
      const options = { aliveAtMs: aliveAt(), withoutCaptured: undefined }
      const alone: SlotDigest[] = []
      for (const of of asked) alone.push(...(await pair.source.control.digest([of], options)))
      expect(await pair.source.control.digest(asked, options)).toEqual(alone)
      expect(alone.map(({ count }) => count)).toEqual([7, 2, 0, 1, 5, 3, 4, 0, 6])
      await pair.close()
    })

    it('are those of an empty set for slots without records', async () => {
      const pair = await openPair(bed)
      const [source, target] = [await digests(pair, 'source'), await digests(pair, 'target')]
      expect(source).toEqual(target)
      expect(source.map(({ count }) => count)).toEqual([0, 0])
      await pair.close()
    })
  })

  describe(`${bed.kind}: measuring`, () => {
    it('counts keys and bytes of the slots asked for', async () => {
      const pair = await openPair(bed)
      await putAll(pair.source, putsIn([slot(8), slot(9)], 100))
      const { keys, bytes } = await pair.source.control.measure([slot(8)])
      expect(keys).toBe(100)
      expect(bytes).toBeGreaterThan(100 * (32 + 64))
      expect(bytes).toBeLessThan(100 * 200)
      expect(await pair.target.control.measure(OF)).toEqual({ keys: 0, bytes: 0 })
      await pair.close()
    })
  })
}

async function drainOnce(pair: Pair): Promise<void> {
  const read = await pair.source.control.readCaptured(M1.migration, OF, 1000)
  if (!read) return
  await pair.target.control.apply(M1, read.batch)
  await pair.source.control.dropCaptured(M1, read.token)
}

function flipped(record: Buffer): Buffer {
  const copy = Buffer.from(record)
  copy.writeUInt8(copy.readUInt8(7) ^ 1, 7)
  return copy
}
