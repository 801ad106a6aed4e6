import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NODE_FILES } from './node-files.ts'
import { RETENTION_MS } from './retention.ts'
import { listSegments } from './segment.ts'
import { makeWalDir, openTestWal, settlement, type TestWal } from './testing/open-test-wal.ts'

const DAY_MS = 24 * 60 * 60 * 1000

describe('retention', () => {
  let dir: string
  beforeEach(async () => {
    dir = await makeWalDir()
  })
  afterEach(() => rm(dir, { recursive: true }))

  /** Five segments of one entry each; entry n came in on day n. */
  async function fiveDays(): Promise<TestWal> {
    const opened = await openTestWal(dir, { segmentBytes: 100 })
    for (let day = 0; day < 5; day++) {
      opened.wal.append({ tenant: 'tenant', body: Buffer.alloc(90, 65), receivedAtMs: day * DAY_MS, context: day })
      await opened.untilDurable(day + 1)
    }
    return opened
  }

  async function kept(): Promise<number[]> {
    return (await listSegments(dir, NODE_FILES)).map(({ segment }) => segment)
  }

  async function settle(opened: TestWal, ids: number[]): Promise<void> {
    opened.wal.settle(ids.map((id) => settlement(opened.durable[id]!)))
    opened.wal.append({ tenant: 'tenant', body: Buffer.from('carries the settlements'), receivedAtMs: 100 * DAY_MS, context: -1 })
    await opened.untilDurable(opened.durable.length + 1)
  }

  it('deletes what is settled, old enough and needed by no one, oldest first', async () => {
    const opened = await fiveDays()
    const all = await kept()
    await settle(opened, [0, 1, 2, 3, 4])
    const nowMs = RETENTION_MS + 2 * DAY_MS
    expect(await opened.deleteOldSegments({ nowMs: RETENTION_MS - 1, keepFrom: Number.POSITIVE_INFINITY })).toEqual([])
    expect(await opened.deleteOldSegments({ nowMs, keepFrom: all[1]! })).toEqual([all[0]])
    expect(await opened.deleteOldSegments({ nowMs, keepFrom: Number.POSITIVE_INFINITY })).toEqual([all[1], all[2]])
    expect((await kept())[0]).toBe(all[3])
    await opened.wal.close()
  })

  it('keeps an unsettled segment and, because its settlement may stand there, every later one', async () => {
    const opened = await fiveDays()
    const all = await kept()
    await settle(opened, [0, 2, 3, 4])
    expect(await opened.deleteOldSegments({ nowMs: 1000 * DAY_MS, keepFrom: Number.POSITIVE_INFINITY })).toEqual([all[0]])
    await opened.wal.close()
    const again = await openTestWal(dir, { segmentBytes: 100 })
    expect(again.recovered).toMatchObject({ unsettledEntries: 2, entries: 5 })
    expect(await again.deleteOldSegments({ nowMs: 1000 * DAY_MS, keepFrom: Number.POSITIVE_INFINITY })).toEqual([])
    await again.wal.close()
  })

  it('knows after a start what it knew before, and never deletes the last segment', async () => {
    const opened = await fiveDays()
    await settle(opened, [0, 1, 2, 3, 4])
    opened.wal.settle([settlement(opened.durable[5]!)])
    await opened.wal.close()
    const all = await kept()
    const again = await openTestWal(dir, { segmentBytes: 100 })
    expect(await again.deleteOldSegments({ nowMs: 1000 * DAY_MS, keepFrom: Number.POSITIVE_INFINITY })).toEqual(all.slice(0, -1))
    await again.wal.close()
    const last = await openTestWal(dir, { segmentBytes: 100 })
    expect(last.wal.currentSegment).toBe(all.at(-1)! + 1)
    await last.wal.close()
  })
})
