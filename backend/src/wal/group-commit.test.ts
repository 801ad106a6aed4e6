import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_GROUP_BYTES } from './format.ts'
import { NODE_FILES } from './node-files.ts'
import { listSegments } from './segment.ts'
import { entry, makeWalDir, openTestWal, settlement, unsettledBodies } from './testing/open-test-wal.ts'

describe('group commit', () => {
  let dir: string
  beforeEach(async () => {
    dir = await makeWalDir()
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('hands entries over in the order of append, those of one turn together', async () => {
    const opened = await openTestWal(dir)
    for (let id = 0; id < 10; id++) expect(opened.wal.append(entry(id))).toBe(true)
    expect(opened.durable).toEqual([])
    await opened.untilDurable(10)
    expect(opened.groups.map((group) => group.map(({ context }) => context))).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    await opened.wal.close()
  })

  it('gathers what comes in during a write for the next one', async () => {
    const opened = await openTestWal(dir)
    opened.wal.append(entry(0))
    await new Promise(setImmediate)
    for (let id = 1; id < 5; id++) opened.wal.append(entry(id))
    await opened.untilDurable(5)
    expect(opened.groups.map((group) => group.length)).toEqual([1, 4])
    await opened.wal.close()
  })

  it('gives every entry a place of its own, also across segments and starts', async () => {
    const places = new Set<string>()
    for (let start = 0; start < 3; start++) {
      const opened = await openTestWal(dir, { segmentBytes: 500 })
      for (let id = 0; id < 100; id++) opened.wal.append(entry(id))
      await opened.untilDurable(100)
      for (const { position } of opened.durable) places.add(`${position.segment}/${position.offset}`)
      await opened.wal.close()
    }
    expect(places.size).toBe(300)
    expect((await listSegments(dir, NODE_FILES)).length).toBeGreaterThan(9)
  })

  it('writes settlements with the next entries, or soon after when there are none', async () => {
    const first = await openTestWal(dir)
    for (let id = 0; id < 4; id++) first.wal.append(entry(id))
    await first.untilDurable(4)
    expect(first.wal.backlogEntries).toBe(4)
    first.wal.settle(first.durable.slice(0, 2).map((durable) => settlement(durable)))
    expect(first.wal.backlogEntries).toBe(2)
    first.wal.append(entry(4))
    await first.untilDurable(5)
    first.wal.settle([settlement(first.durable[2]!, 'refused')])
    first.clock.advance(20)
    await first.wal.close()
    const second = await openTestWal(dir)
    expect(await unsettledBodies(second)).toEqual(['body of 3', 'body of 4'])
    expect(second.wal.backlogEntries).toBe(2)
    expect(second.restored.map(({ result, key, record }) => [result, key?.length, record?.toString()])).toEqual([
      ['won', 32, 'record'],
      ['won', 32, 'record'],
      ['refused', undefined, undefined],
    ])
    await second.wal.close()
  })

  it('keeps an unsettled entry across any number of starts, at its first position', async () => {
    const first = await openTestWal(dir)
    first.wal.append(entry(0))
    await first.untilDurable(1)
    await first.wal.close()
    for (let start = 0; start < 2; start++) {
      const again = await openTestWal(dir)
      for await (const batch of again.recovered.unsettled) {
        expect(batch.map(({ position }) => position)).toEqual([first.durable[0]?.position])
        if (start === 1) again.wal.settle(batch.map((unsettled) => settlement(unsettled)))
      }
      await again.wal.close()
    }
    const last = await openTestWal(dir)
    expect(last.recovered.unsettledEntries).toBe(0)
    await last.wal.close()
  })

  it('takes nothing after close, and has on disk what it took before', async () => {
    const opened = await openTestWal(dir)
    for (let id = 0; id < 50; id++) opened.wal.append(entry(id))
    const closing = opened.wal.close()
    expect(opened.wal.append(entry(50))).toBe(false)
    expect(opened.wal.state).toBe('closed')
    await closing
    expect(opened.durable.length).toBe(50)
  })

  it('takes large entries, splits what one write cannot carry, and refuses when too much waits', async () => {
    const opened = await openTestWal(dir)
    const large = 'x'.repeat(MAX_GROUP_BYTES / 2 - 200)
    let taken = 0
    while (opened.wal.append(entry(taken, large))) taken++
    expect(taken).toBeGreaterThanOrEqual(8)
    await opened.untilDurable(taken)
    expect(opened.groups.length).toBeGreaterThan(1)
    expect(opened.wal.append(entry(taken))).toBe(true)
    await opened.wal.close()
    expect(() => opened.wal.append(entry(0, `${large}${'x'.repeat(400)}`))).not.toThrow()
    const again = await openTestWal(dir)
    const bodies = await unsettledBodies(again)
    expect(bodies.map((body) => body.length)).toEqual([
      ...Array.from({ length: taken }, () => large.length),
      `body of ${taken}`.length,
    ])
    expect(() => again.wal.append(entry(0, `${large}${'x'.repeat(400)}`))).toThrow(RangeError)
    await again.wal.close()
  })

  it('begins a new directory at a number of its own time, so that a lost disk never brings a position back', async () => {
    const opened = await openTestWal(dir)
    opened.clock.advance(Date.UTC(2026, 0, 1))
    await opened.wal.close()
    const later = await openTestWal(dir, { clock: opened.clock })
    later.wal.append(entry(0))
    await later.untilDurable(1)
    expect(later.durable[0]?.position.segment).toBe(365 * 24 * 60 * 60)
    await later.wal.close()
  })
})
