import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tempDirectory } from '../testing/temp-directory.ts'
import { entryFrame, MAGIC, settledFrame } from './frame.ts'
import { Outbox, OutboxFull } from './outbox.ts'
import { OutboxDamaged } from './recover.ts'

const body = (text: string) => () => Buffer.from(text)
const texts = (outbox: Outbox) => outbox.pending.map((entry) => entry.body.toString())
const outboxPath = () => join(tempDirectory(), 'outbox.wal')

describe('the file, byte by byte', () => {
  it('is the magic, then frames of length, CRC-32, kind, number and body', () => {
    expect(MAGIC.toString()).toBe('FLBAOB1\n')
    expect(entryFrame(258, Buffer.from('{}')).toString('hex')).toBe('00000009a8351e5a010000000001027b7d')
    expect(settledFrame(258).toString('hex')).toMatch(/^00000007[0-9a-f]{8}02000000000102$/)
  })
})

describe('Outbox', () => {
  it('has an entry on disk when append resolves, numbered from 1', async () => {
    const path = outboxPath()
    const outbox = await Outbox.open(path)
    const entry = await outbox.append((seq) => Buffer.from(`number ${seq}`))
    expect(entry).toEqual({ seq: 1, body: Buffer.from('number 1') })
    expect(readFileSync(path).includes('number 1')).toBe(true)
    await outbox.close()
  })

  it('gives back after a restart what was not settled, in order, and never uses a number twice', async () => {
    const path = outboxPath()
    const first = await Outbox.open(path)
    await Promise.all(['a', 'b', 'c'].map((text) => first.append(body(text))))
    first.settle(2)
    await first.close()
    const second = await Outbox.open(path)
    expect(texts(second)).toEqual(['a', 'c'])
    expect((await second.append(body('d'))).seq).toBe(4)
    await second.close()
  })

  it('recovers from a cut at any byte: whole entries stay, a torn tail goes, and appends work', async () => {
    const whole = Buffer.concat([
      MAGIC,
      entryFrame(1, Buffer.from('first')),
      entryFrame(2, Buffer.from('second')),
      settledFrame(1),
    ])
    const ends = [MAGIC.length, MAGIC.length + 20, MAGIC.length + 20 + 21, whole.length]
    const path = outboxPath()
    for (let cut = 0; cut <= whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut))
      const outbox = await Outbox.open(path)
      const expected = cut >= ends[3]! ? ['second'] : cut >= ends[2]! ? ['first', 'second'] : cut >= ends[1]! ? ['first'] : []
      expect(texts(outbox)).toEqual(expected)
      await outbox.append(body('after'))
      await outbox.close()
      const again = await Outbox.open(path)
      expect(texts(again)).toEqual([...expected, 'after'])
      await again.close()
    }
  })

  it('refuses to start over a flipped bit in the middle, and leaves the file as it is', async () => {
    const path = outboxPath()
    const whole = Buffer.concat([MAGIC, entryFrame(1, Buffer.from('first')), entryFrame(2, Buffer.from('second'))])
    for (let at = 0; at < MAGIC.length + 20; at++) {
      const bad = Buffer.from(whole)
      bad[at]! ^= 1
      writeFileSync(path, bad)
      await expect(Outbox.open(path), `byte ${at}`).rejects.toThrowError(OutboxDamaged)
      expect(readFileSync(path)).toEqual(bad)
    }
  })

  it('refuses a file that is no outbox', async () => {
    const path = outboxPath()
    appendFileSync(path, 'something else entirely')
    await expect(Outbox.open(path)).rejects.toThrowError(/does not start like an outbox/)
  })

  it('bounds what may wait, and takes more once an answer came', async () => {
    const outbox = await Outbox.open(outboxPath(), { maxPendingBytes: 100 })
    const { seq } = await outbox.append(body('x'.repeat(60)))
    await expect(outbox.append(body('y'.repeat(60)))).rejects.toThrowError(OutboxFull)
    outbox.settle(seq)
    expect((await outbox.append(body('z'.repeat(60)))).seq).toBe(2)
    await outbox.close()
  })

  it('rewrites the file when most of it is settled, and loses nothing by it', async () => {
    const path = outboxPath()
    const outbox = await Outbox.open(path, { compactAtBytes: 10_000 })
    const kept = await outbox.append(body('kept'))
    for (let i = 0; i < 200; i++) outbox.settle((await outbox.append(body('x'.repeat(500)))).seq)
    await Promise.all(['p', 'q', 'r'].map((text) => outbox.append(body(text))))
    expect(statSync(path).size).toBeLessThan(30_000)
    expect(outbox.fileBytes).toBe(statSync(path).size)
    await outbox.close()
    const again = await Outbox.open(path)
    expect(texts(again)).toEqual(['kept', 'p', 'q', 'r'])
    expect(kept.seq).toBe(1)
    expect((await again.append(body('next'))).seq).toBe(205)
    await again.close()
  })

  it('keeps its numbers through a rewrite that leaves nothing', async () => {
    const path = outboxPath()
    const outbox = await Outbox.open(path, { compactAtBytes: 1 })
    outbox.settle((await outbox.append(body('x'))).seq)
    outbox.settle((await outbox.append(body('y'))).seq)
    await outbox.close()
    const again = await Outbox.open(path)
    expect(texts(again)).toEqual([])
    expect((await again.append(body('z'))).seq).toBe(3)
    await again.close()
  })

  it('takes nothing once it is closed', async () => {
    const outbox = await Outbox.open(outboxPath())
    await outbox.close()
    await expect(outbox.append(body('x'))).rejects.toThrowError(/is closed/)
  })

  it('shares syncs between appends that wait together', async () => {
    const path = outboxPath()
    const outbox = await Outbox.open(path)
    const entries = await Promise.all(Array.from({ length: 500 }, (_, i) => outbox.append(body(`entry ${i}`))))
    expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
    await outbox.close()
    const again = await Outbox.open(path)
    expect(again.pending).toHaveLength(500)
    await again.close()
  })
})
