import { readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FRAME_ENTRY, FRAME_HEADER_BYTES, headerBytes, MAX_GROUP_BYTES, sealFrame } from './format.ts'
import { NODE_FILES } from './node-files.ts'
import { readLog } from './read.ts'
import { BadRecoveryReport } from './recover.ts'
import { listSegments } from './segment.ts'
import { entry, makeWalDir, openTestWal, settlement, unsettledBodies } from './testing/open-test-wal.ts'

describe('recovery', () => {
  let dir: string
  beforeEach(async () => {
    dir = await makeWalDir()
  })
  afterEach(() => rm(dir, { recursive: true }))

  /** Three writes, of entries 0..2, 3..5 and 6..8. @returns the only segment's file and where each entry stands in it. */
  async function writeThreeGroups(repeats = 8): Promise<{ path: string; sound: Buffer; offsets: number[] }> {
    const opened = await openTestWal(dir)
    for (let group = 0; group < 3; group++) {
      for (let id = 3 * group; id < 3 * group + 3; id++) opened.wal.append(entry(id, `${id} `.repeat(repeats)))
      await opened.untilDurable(3 * group + 3)
    }
    await opened.wal.close()
    const [file] = await listSegments(dir, NODE_FILES)
    const { path } = file!
    return { path, sound: await readFile(path), offsets: opened.durable.map(({ position }) => position.offset) }
  }

  async function survivors(): Promise<number[]> {
    const opened = await openTestWal(dir)
    const bodies = await unsettledBodies(opened)
    await opened.wal.close()
    return bodies.map((body) => Number.parseInt(body, 10))
  }

  it('cuts a record that is torn at any byte, keeps all before it, and starts cleanly the next time', async () => {
    const { path, sound, offsets } = await writeThreeGroups()
    for (let size = offsets[8]! + 1; size < sound.length; size++) {
      await writeFile(path, sound.subarray(0, size))
      const opened = await openTestWal(dir)
      expect(opened.recovered).toMatchObject({ entries: 8, unsettledEntries: 8, tornBytes: size - offsets[8]! })
      await opened.wal.close()
      if (size % 17 === 0) expect(await survivors()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    }
  })

  it('takes a file shorter than its header for one that was never written', async () => {
    const { path, sound } = await writeThreeGroups()
    for (let size = 0; size < headerBytes('verifier-0'); size++) {
      await writeFile(path, sound.subarray(0, size))
      const opened = await openTestWal(dir)
      expect(opened.recovered).toMatchObject({ entries: 0, tornBytes: size, segments: 0 })
      await opened.wal.close()
    }
  })

  it('refuses to start when any byte before the last record is changed, and changes nothing', async () => {
    const { path, sound, offsets } = await writeThreeGroups()
    for (let at = 0; at < offsets[8]!; at++) {
      const changed = Buffer.from(sound)
      changed[at] = changed[at]! ^ (1 << (at % 8))
      await writeFile(path, changed)
      const error = await openTestWal(dir).catch((reason: unknown) => reason)
      expect(error, `byte ${at}`).toBeInstanceOf(BadRecoveryReport)
      const report = error as BadRecoveryReport
      expect(report.file).toBe(path)
      expect(report.offset).toBe(at < offsets[0]! ? 0 : offsets.findLast((offset) => offset <= at))
      expect(await readFile(path)).toEqual(changed)
    }
  })

  it('refuses to start when any byte of a segment that is not the last is changed or missing', async () => {
    const { path, sound, offsets } = await writeThreeGroups()
    const next = await openTestWal(dir)
    next.wal.append(entry(9))
    await next.untilDurable(1)
    await next.wal.close()
    for (let at = 0; at < sound.length; at++) {
      const changed = Buffer.from(sound)
      changed[at] = changed[at]! ^ 0x80
      await writeFile(path, changed)
      await expect(openTestWal(dir), `byte ${at} changed`).rejects.toThrow(BadRecoveryReport)
      if (at % 3 !== 0 && !offsets.includes(at)) continue
      await writeFile(path, sound.subarray(0, at))
      await expect(openTestWal(dir), `cut at ${at}`).rejects.toThrow(BadRecoveryReport)
    }
  })

  it('says in its report where the damage is, what it is and what to do', async () => {
    const { path, sound, offsets } = await writeThreeGroups()
    sound[offsets[4]! + 40]! ^= 1
    await writeFile(path, sound)
    await expect(openTestWal(dir)).rejects.toThrow(
      `${path}, offset ${offsets[4]}: the checksum of a record is wrong, and it is not the end of an interrupted write: ` +
        `a sound record of a later write follows at offset ${offsets[6]}. Nothing was changed. Check the disk`,
    )
  })

  it('cuts a whole write whose early sectors never reached the disk, but not one that a later write follows', async () => {
    const { path, sound, offsets } = await writeThreeGroups(600)
    const torn = Buffer.from(sound).fill(0, offsets[6]! + 20, offsets[7]! - 20)
    await writeFile(path, torn)
    expect(await survivors()).toEqual([0, 1, 2, 3, 4, 5])
    await rm(dir, { recursive: true })
    dir = await makeWalDir()
    const again = await writeThreeGroups(600)
    await writeFile(again.path, Buffer.from(again.sound).fill(0, again.offsets[3]! + 20, again.offsets[4]! - 20))
    await expect(openTestWal(dir)).rejects.toThrow('a sound record of a later write follows')
    await writeFile(again.path, Buffer.from(again.sound).fill(0, again.offsets[3]! + 20, again.offsets[6]!))
    await expect(openTestWal(dir)).rejects.toThrow('a sound record of a later write follows')
  })

  it('cuts a whole write of which only the rest of the sector it began in is missing', async () => {
    const { path, sound, offsets } = await writeThreeGroups(600)
    const sectorEnd = Math.ceil(offsets[6]! / 512) * 512
    expect(sectorEnd - offsets[6]!).toBeGreaterThan(FRAME_HEADER_BYTES)
    expect(sectorEnd).toBeLessThan(offsets[7]!)
    await writeFile(path, Buffer.from(sound).fill(0, offsets[6]!, sectorEnd))
    expect(await survivors()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('refuses to start where as many zeros stand inside a write', async () => {
    const { path, sound, offsets } = await writeThreeGroups(600)
    const sectorEnd = Math.ceil(offsets[7]! / 512) * 512
    expect(sectorEnd).toBeLessThan(offsets[8]!)
    await writeFile(path, Buffer.from(sound).fill(0, offsets[7]!, sectorEnd))
    await expect(openTestWal(dir)).rejects.toThrow('a sound record follows')
  })

  it('refuses garbage that is longer than one write', async () => {
    const { path, sound } = await writeThreeGroups()
    await writeFile(path, Buffer.concat([sound, Buffer.alloc(MAX_GROUP_BYTES + 1, 0xff)]))
    await expect(openTestWal(dir)).rejects.toThrow('more than one write can leave behind')
  })

  it('is not misled by a request body that contains a record', async () => {
    const inner = Buffer.alloc(200, 0x20)
    sealFrame(inner, 0, 200 - FRAME_HEADER_BYTES, FRAME_ENTRY, 0, 0)
    const opened = await openTestWal(dir)
    opened.wal.append({ ...entry(0), body: Buffer.concat([Buffer.from('0 '), inner]) })
    await opened.untilDurable(1)
    await opened.wal.close()
    const [file] = await listSegments(dir, NODE_FILES)
    const sound = await readFile(file!.path)
    await writeFile(file!.path, sound.subarray(0, sound.length - 1))
    expect(await survivors()).toEqual([])
  })

  it('refuses a log with a gap, of another pod, or under another name', async () => {
    for (let start = 0; start < 3; start++) {
      const opened = await openTestWal(dir)
      opened.wal.append(entry(start))
      await opened.untilDurable(1)
      await opened.wal.close()
    }
    await expect(openTestWal(dir, { pod: 'verifier-1' })).rejects.toThrow("belongs to pod 'verifier-0', not to 'verifier-1'")
    const [first, second, third] = await listSegments(dir, NODE_FILES)
    const bytes = await readFile(second!.path)
    await writeFile(second!.path, await readFile(third!.path))
    await expect(openTestWal(dir)).rejects.toThrow(`the file says that it is segment ${third!.segment}`)
    await writeFile(second!.path, bytes)
    await unlink(second!.path)
    await expect(openTestWal(dir)).rejects.toThrow(`segment ${first!.segment + 1} is missing`)
  })

  it('never writes behind a torn tail: it goes on in a new segment', async () => {
    const { path, sound } = await writeThreeGroups()
    await writeFile(path, sound.subarray(0, sound.length - 5))
    const opened = await openTestWal(dir)
    opened.wal.append(entry(100, '100'))
    await opened.untilDurable(1)
    await opened.wal.close()
    expect((await listSegments(dir, NODE_FILES)).length).toBe(2)
    expect(await survivors()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 100])
  })

  it('reads a long backlog in batches, in order, across segments', async () => {
    const opened = await openTestWal(dir, { segmentBytes: 100_000 })
    for (let from = 0; from < 20_000; from += 500) {
      for (let id = from; id < from + 500; id++) opened.wal.append(entry(id, String(id)))
      await opened.untilDurable(from + 500)
      opened.wal.settle(
        opened.durable
          .slice(from, from + 500)
          .filter(({ context }) => context % 2 === 0)
          .map((durable) => settlement(durable)),
      )
    }
    await opened.wal.close()
    expect(await survivors()).toEqual(Array.from({ length: 10_000 }, (_, index) => 2 * index + 1))
  })

  it('shows an auditor every record without changing anything, and fails on damage', async () => {
    const { path, sound, offsets } = await writeThreeGroups()
    const opened = await openTestWal(dir)
    const batches = []
    for await (const batch of opened.recovered.unsettled) batches.push(...batch)
    opened.wal.settle(batches.map((unsettled) => settlement(unsettled, 'lost')))
    await opened.wal.close()
    const kinds: string[] = []
    for await (const records of readLog(dir)) {
      for (const record of records)
        kinds.push(record.kind === 'entry' ? record.tenant : `${record.settlements.length} ${record.settlements[0]?.result}`)
    }
    expect(kinds).toEqual([
      'tenant-0',
      'tenant-1',
      'tenant-2',
      'tenant-0',
      'tenant-1',
      'tenant-2',
      'tenant-0',
      'tenant-1',
      'tenant-2',
      '9 lost',
    ])
    sound[offsets[0]! + 30]! ^= 4
    await writeFile(path, sound)
    const audit = async () => {
      for await (const _ of readLog(dir));
    }
    await expect(audit()).rejects.toThrow(BadRecoveryReport)
  })
})
