import { conformsAsDisk } from '@fractal-lba/backend/wal/conformance/files'
import { afterEach, describe, expect, it } from 'vitest'
import { SimulatedDisk } from './disk.ts'
import { Process } from './process.ts'
import { randomOf } from './random.ts'
import { Scheduler } from './scheduler.ts'

/** Somebody has to give turns to those who wait for the disk. */
let over = false
afterEach(() => {
  over = true
})

function makeDisk(seed: number): { disk: SimulatedDisk; process: Process } {
  const scheduler = new Scheduler(seed)
  over = false
  const disk = new SimulatedDisk({ faultOf: () => undefined, onCrash: () => undefined, random: randomOf(seed, 'disk') })
  const idle = () => void scheduler.after(1, idle)
  idle()
  scheduler.run(
    () => over,
    () => undefined,
    1e6,
  )
  return { disk, process: new Process('pod-0', scheduler) }
}

describe('the simulated disk', () => {
  conformsAsDisk(async () => {
    const { disk, process } = makeDisk(1)
    const files = disk.files(process)
    await files.makeDirectory('/wal')
    return { files, dir: '/wal' }
  })

  it('keeps each write that was done, and may tear or lose the one that was not, when its process ends', async () => {
    const outcomes = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const { disk, process } = makeDisk(seed)
      const files = disk.files(process)
      await files.makeDirectory('/wal')
      await new Promise<void>((resolve) =>
        files.create('/wal/one', (_, file) => {
          file?.write(Buffer.alloc(700, 'a'), 0, 700, 0, () => {
            file.write(Buffer.alloc(1500, 'b'), 0, 1500, 700, () => undefined)
            resolve()
          })
        }),
      )
      process.alive = false
      disk.crashed(false)
      over = true
      const successor = makeDisk(seed)
      const file = await disk.files(successor.process).open('/wal/one')
      const bytes = Buffer.alloc(file.sizeBytes)
      await file.read(bytes, 0, bytes.length, 0)
      expect(bytes.subarray(0, 700).every((byte) => byte === 0x61)).toBe(true)
      const rest = bytes.subarray(700)
      const whole = rest.length === 1500 && rest.every((byte) => byte === 0x62)
      outcomes.add(rest.length === 0 ? 'lost' : whole ? 'whole' : rest.includes(0) ? 'holes' : 'cut')
      over = true
    }
    expect([...outcomes].sort()).toEqual(['cut', 'holes', 'lost', 'whole'])
  })

  it('forgets names that were not synced when the power goes, and keeps them when only the process ends', async () => {
    const { disk, process } = makeDisk(1)
    const files = disk.files(process)
    await files.makeDirectory('/wal')
    await files.syncDirectory('/')
    const create = (path: string) => new Promise<void>((resolve) => files.create(path, () => resolve()))
    await create('/wal/synced')
    await files.syncDirectory('/wal')
    await create('/wal/unsynced')
    disk.crashed(false)
    expect(await files.list('/wal')).toEqual(['synced', 'unsynced'])
    disk.crashed(true)
    expect(await files.list('/wal')).toEqual(['synced'])
  })

  it('says that there is no space when there is none, after writing what fits', async () => {
    const { disk, process } = makeDisk(1)
    const files = disk.files(process)
    await files.makeDirectory('/wal')
    disk.freeBytes = 10
    const written = await new Promise<readonly unknown[]>((resolve) =>
      files.create('/wal/one', (_, file) =>
        file?.write(Buffer.alloc(16), 0, 16, 0, (error, count) =>
          file.write(Buffer.alloc(6), 0, 6, count, (second) => resolve([error, count, second?.code])),
        ),
      ),
    )
    expect(written).toEqual([null, 10, 'ENOSPC'])
  })
})
