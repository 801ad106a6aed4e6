/** The data plane: first write wins, expired is absent, and a shard that does not own a slot changes nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PutOutcome } from '../port.ts'
import { type Bed, DAY_MS, getOne, M1, openPair, type Pair, putAll, putIn, putOne, putsIn, slot, soon } from './bed.ts'

export function describePuts(bed: Bed): void {
  describe(`${bed.kind}: puts`, () => {
    let pair: Pair
    beforeAll(async () => {
      pair = await openPair(bed)
    })
    afterAll(() => pair.close())

    it('writes a record once and answers it to every later put of its key', async () => {
      const first = putIn(slot(1), { record: 'first' })
      expect(await putOne(pair.source, first)).toEqual({ kind: 'written' })
      expect(await putOne(pair.source, { ...first, record: Buffer.from('second') })).toEqual({
        kind: 'exists',
        record: Buffer.from('first'),
      })
      expect(await getOne(pair.source, first.key)).toBe('first')
    })

    it('lets exactly one of many concurrent puts of a key win, and shows its record to all', async () => {
      const key = putIn(slot(2)).key
      const replies = await Promise.all(
        Array.from({ length: 40 }, (_, n) => pair.source.data.put([putIn(slot(2), { key, record: `claim ${n}` })], soon())),
      )
      const outcomes = replies.map(({ outcomes }) => outcomes[0] as PutOutcome)
      const winner = outcomes.findIndex(({ kind }) => kind === 'written')
      expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(1)
      for (const [n, outcome] of outcomes.entries())
        if (n !== winner) expect(outcome).toEqual({ kind: 'exists', record: Buffer.from(`claim ${winner}`) })
    })

    it('lets one of two opposite, overlapping batches win each key, without a deadlock', async () => {
      const keys = putsIn([slot(3), slot(4), slot(5)], 20)
      const batch = (writer: number) => keys.map((put) => ({ ...put, record: Buffer.from(`writer ${writer}`) }))
      const replies = await Promise.all(
        Array.from({ length: 8 }, (_, n) => pair.source.data.put(n % 2 ? batch(n).reverse() : batch(n), soon())),
      )
      const wins = replies.flatMap(({ outcomes }) => outcomes).filter(({ kind }) => kind === 'written')
      expect(wins).toHaveLength(keys.length)
    })

    it('treats two puts of one key in one call as two calls in order', async () => {
      const put = putIn(slot(6), { record: 'one' })
      const other = putIn(slot(6), { record: 'other' })
      const { outcomes } = await pair.source.data.put([other, put, { ...put, record: Buffer.from('two') }, put], soon())
      expect(outcomes).toEqual([
        { kind: 'written' },
        { kind: 'written' },
        { kind: 'exists', record: Buffer.from('one') },
        { kind: 'exists', record: Buffer.from('one') },
      ])
    })

    it('answers a large call in the order of its puts', async () => {
      const puts = putsIn([slot(7), slot(9000), slot(16383), slot(0)], 200)
      const known = puts.filter((_, n) => n % 7 === 0)
      await putAll(pair.source, known)
      const { outcomes } = await pair.source.data.put(puts, soon())
      expect(outcomes.map(({ kind }) => kind)).toEqual(puts.map((_, n) => (n % 7 === 0 ? 'exists' : 'written')))
      expect(
        await pair.source.data.get(
          puts.map(({ key }) => key),
          soon(),
        ),
      ).toEqual(puts.map(({ record }) => record))
    })

    it('accepts no puts at all', async () => {
      expect((await pair.source.data.put([], soon())).outcomes).toEqual([])
    })

    it('keeps records of any bytes, from none to one KiB, and refuses what is larger', async () => {
      for (const size of [0, 1, 255, 256, 1024]) {
        const put = putIn(slot(8), { record: Buffer.alloc(size, 0xff) })
        await putOne(pair.source, put)
        expect(await pair.source.data.get([put.key], soon())).toEqual([put.record])
      }
      await expect(putOne(pair.source, putIn(slot(8), { record: Buffer.alloc(1025) }))).rejects.toThrow('at most 1024')
      await expect(putOne(pair.source, { ...putIn(slot(8)), key: Buffer.alloc(31) })).rejects.toThrow('32 bytes')
    })

    it('counts an expired record as absent: it is not read, and the next put wins', async () => {
      const old = putIn(slot(10), { record: 'old', expiresAtMs: Date.now() - 1000 })
      expect(await putOne(pair.source, old)).toEqual({ kind: 'written' })
      expect(await getOne(pair.source, old.key)).toBeUndefined()
      const successor = { ...old, record: Buffer.from('new'), expiresAtMs: Date.now() + DAY_MS }
      expect(await putOne(pair.source, successor)).toEqual({ kind: 'written' })
      expect(await putOne(pair.source, { ...successor, record: Buffer.from('late') })).toEqual({
        kind: 'exists',
        record: Buffer.from('new'),
      })
    })

    it('lets exactly one of many concurrent puts succeed an expired record', async () => {
      const old = putIn(slot(11), { record: 'old', expiresAtMs: Date.now() - 1000 })
      await putOne(pair.source, old)
      const claims = Array.from({ length: 20 }, (_, n) => ({
        ...old,
        record: Buffer.from(`claim ${n}`),
        expiresAtMs: Date.now() + DAY_MS,
      }))
      const outcomes = (await Promise.all(claims.map((put) => pair.source.data.put([put, put], soon())))).flatMap(
        (reply) => reply.outcomes,
      )
      expect(outcomes.filter(({ kind }) => kind === 'written')).toHaveLength(1)
      expect(new Set(outcomes.flatMap((outcome) => (outcome.kind === 'exists' ? [outcome.record.toString()] : []))).size).toBe(1)
    })

    it('sweeps expired records, up to the limit, and no live one', async () => {
      const live = putsIn([slot(12)], 30)
      const dead = putsIn([slot(12)], 30).map((put) => ({ ...put, expiresAtMs: Date.now() - 1000 }))
      await putAll(pair.source, [...live, ...dead])
      expect(await pair.source.data.sweepExpired(slot(12), Date.now(), 10)).toBe(10)
      // A pod whose clock is a month ahead.
      expect(await pair.source.data.sweepExpired(slot(12), Date.now() + 30 * DAY_MS, 1000)).toBe(20)
      expect(await pair.source.data.sweepExpired(slot(12), Date.now(), 10)).toBe(0)
      expect(
        (
          await pair.source.data.get(
            live.map(({ key }) => key),
            soon(),
          )
        ).every(Boolean),
      ).toBe(true)
    })

    it('changes nothing and says so for a slot that is unknown here', async () => {
      const put = putIn(slot(13))
      expect(await putOne(pair.target, put)).toEqual({ kind: 'not-owner', owner: undefined, generation: undefined })
      expect(await getOne(pair.target, put.key)).toBeUndefined()
    })

    it('decides by the slot of the key, whatever slot the caller names', async () => {
      const moved = slot(14)
      await pair.target.control.beginImport(M1, [moved], pair.source.control.id)
      const lie = { ...putIn(slot(1)), slot: moved }
      expect((await putOne(pair.source, lie)).kind).toBe('written')
    })

    it('refuses puts into a slot that it is importing, and names the source with no generation', async () => {
      const put = putIn(slot(14))
      expect(await putOne(pair.target, put)).toEqual({ kind: 'not-owner', owner: pair.source.control.id, generation: undefined })
      expect(await getOne(pair.target, put.key)).toBeUndefined()
    })

    it('answers each put of a mixed call for itself', async () => {
      const [mine, known, foreign] = [putIn(slot(15)), putIn(slot(15)), putIn(slot(16))]
      await putOne(pair.source, known)
      await pair.source.control.startCapture(M1, [foreign.slot], pair.target.control.id)
      await pair.source.control.release(M1, [foreign.slot], pair.target.control.id)
      const { outcomes } = await pair.source.data.put([foreign, mine, known, foreign], soon())
      expect(outcomes.map(({ kind }) => kind)).toEqual(['not-owner', 'written', 'exists', 'not-owner'])
      expect(outcomes[3]).toEqual({ kind: 'not-owner', owner: pair.target.control.id, generation: 2 })
      expect(await getOne(pair.source, foreign.key)).toBeUndefined()
    })
  })
}
