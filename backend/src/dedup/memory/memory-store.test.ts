import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DedupPut } from '../port.ts'
import { CHUNK_BYTES } from './arena.ts'
import { MemoryStore } from './memory-store.ts'

function put(id: number | string, origin: number, expiresAtMs: number): DedupPut {
  const key = dedupKey('tenant', String(id))
  const record = encodeRecord({
    verdict: 'accepted',
    reason: '',
    recomputedDHat: 1.5,
    recomputedBudget: 0.25,
    contentHash: Buffer.alloc(16, origin % 251),
    origin: { pod: 'verifier-0', segment: 7, offset: origin },
    decidedAtMs: 0,
    expiresAtMs,
  })
  return { key, slot: slotOfKey(key), record, expiresAtMs }
}

/** Enough records for more than `chunks` chunks. */
const RECORDS_PER_CHUNK = CHUNK_BYTES / 100

describe('MemoryStore', () => {
  it('lets the first put win and gives every later one its record', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    const [first, second, third] = [put('a', 1, 100), put('a', 2, 100), put('b', 3, 100)]
    expect(await store.putIfAbsent([first, second, third])).toEqual([
      { kind: 'won' },
      { kind: 'lost', record: first.record },
      { kind: 'won' },
    ])
    expect(await store.putIfAbsent([second])).toEqual([{ kind: 'lost', record: first.record }])
  })

  it('says won again to a repeated put of the same origin', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await store.putIfAbsent([put('a', 1, 100)])
    expect(await store.putIfAbsent([put('a', 1, 100)])).toEqual([{ kind: 'won' }])
  })

  it('takes an expired record for absent, from the very millisecond on', async () => {
    let nowMs = 0
    const store = new MemoryStore({ nowMs: () => nowMs })
    await store.putIfAbsent([put('a', 1, 100)])
    nowMs = 99
    expect((await store.putIfAbsent([put('a', 2, 300)]))[0]?.kind).toBe('lost')
    nowMs = 100
    expect(store.get(put('a', 1, 100).key)).toBeUndefined()
    expect(await store.putIfAbsent([put('a', 2, 300)])).toEqual([{ kind: 'won' }])
    expect(store.get(put('a', 1, 100).key)).toEqual(put('a', 2, 300).record)
  })

  it('refuses a key of another length', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await expect(store.putIfAbsent([{ ...put('a', 1, 100), key: Buffer.alloc(31) }])).rejects.toThrow('32 bytes')
  })

  it('decides as a Map would, over any sequence of puts and passing time', async () => {
    const step = fc.record({ id: fc.nat(40), origin: fc.nat(6), lifeMs: fc.integer({ min: 1, max: 50 }), passesMs: fc.nat(8) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        let nowMs = 0
        const store = new MemoryStore({ nowMs: () => nowMs })
        const model = new Map<number, { origin: number; expiresAtMs: number; record: Buffer }>()
        for (const { id, origin, lifeMs, passesMs } of steps) {
          nowMs += passesMs
          const next = put(id, origin, nowMs + lifeMs)
          const held = model.get(id)
          const isFree = held === undefined || held.expiresAtMs <= nowMs
          if (isFree) model.set(id, { origin, expiresAtMs: nowMs + lifeMs, record: next.record })
          const expected = isFree || held.origin === origin ? { kind: 'won' } : { kind: 'lost', record: held.record }
          expect(await store.putIfAbsent([next])).toEqual([expected])
        }
      }),
      { numRuns: 100 },
    )
  })

  it('finds each of 200,000 keys, and none of those that were never put', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    for (let from = 0; from < 200_000; from += 100)
      await store.putIfAbsent(Array.from({ length: 100 }, (_, index) => put(from + index, from + index, 1)))
    expect(store.size).toBe(200_000)
    for (let id = 0; id < 200_000; id += 997) {
      expect(store.get(put(id, id, 1).key)).toEqual(put(id, id, 1).record)
      expect(store.get(put(-1 - id, id, 1).key)).toBeUndefined()
    }
  })

  it('gives the memory of expired records back, and keeps those that were decided anew', async () => {
    let nowMs = 0
    const store = new MemoryStore({ nowMs: () => nowMs })
    const count = Math.ceil(3.5 * RECORDS_PER_CHUNK)
    for (let from = 0; from < count; from += 500)
      await store.putIfAbsent(Array.from({ length: 500 }, (_, index) => put(from + index, 1, 1000)))
    const chunksBefore = store.chunks.length
    expect(chunksBefore).toBe(4)
    nowMs = 1000
    // Decided anew while its old record is still in a chunk that is about to be freed.
    await store.putIfAbsent([put(0, 2, 9000)])
    for (let round = 0; round < count / 500; round++) {
      await store.putIfAbsent(Array.from({ length: 500 }, (_, index) => put(`new ${index}`, 3, 9000)))
    }
    expect(store.chunks.length).toBeLessThan(chunksBefore)
    expect(store.chunks.length).toBe(1)
    expect(store.get(put(0, 2, 9000).key)).toEqual(put(0, 2, 9000).record)
    expect(store.get(put('new 3', 3, 9000).key)).toEqual(put('new 3', 3, 9000).record)
    expect(store.get(put(1, 1, 1000).key)).toBeUndefined()
  })

  it('restores what the log says was won, and comes to the same decisions on the rest', async () => {
    const before = new MemoryStore({ nowMs: () => 0 })
    const puts = Array.from({ length: 500 }, (_, index) => put((index * 7) % 160, index, 1000))
    const decided = await before.putIfAbsent(puts)
    const settled = 300
    const after = new MemoryStore({ nowMs: () => 0 })
    for (let index = 0; index < settled; index++) {
      if (decided[index]?.kind === 'won') after.restore((puts[index] as DedupPut).key, (puts[index] as DedupPut).record)
    }
    expect(await after.putIfAbsent(puts.slice(settled))).toEqual(decided.slice(settled))
  })
})
