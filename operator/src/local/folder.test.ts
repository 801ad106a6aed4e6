import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withDefaults } from '../api/shardmigration.ts'
import { freshStatus } from '../controllers/shardmigration/draft.ts'
import { manualClock } from '../runtime/manual-clock.ts'
import { removeAnnotation, setAnnotation } from './annotations.ts'
import { EventLog, readEvents } from './event-log.ts'
import { ManifestFolder } from './folder.ts'
import { lockFolder } from './folder-lock.ts'
import { LocalObjects } from './objects.ts'
import { ownIdentity } from './process-identity.ts'

const spec = '{ sourceShards: [redis://a], targetShards: [redis://a, redis://b], dedupBackend: redis }'
const manifest = (name: string, body = spec) =>
  `apiVersion: fractal.lba.io/v1\nkind: ShardMigration\nmetadata: { name: ${name} }\nspec: ${body}\n`

let dir: string
let clock: ReturnType<typeof manualClock>
let changed: string[]
let folder: ManifestFolder
const write = (file: string, text: string) => writeFile(join(dir, file), text)
const scanAfter = async (ms: number) => {
  clock.advance(ms)
  await folder.rescan()
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flk-folder-'))
  clock = manualClock(1_800_000_000_000)
  changed = []
  folder = new ManifestFolder(dir, clock, (names) => changed.push(...names))
})

afterEach(async () => {
  folder.close()
  await rm(dir, { recursive: true, force: true })
})

describe('the folder of manifests', () => {
  it('tells which objects changed, and ignores statuses, hidden files and the fleet', async () => {
    await write('a.yaml', `${manifest('a')}---\n${manifest('b')}`)
    await write('a.status.yaml', 'x: 1')
    await write('.b.yaml', manifest('hidden'))
    await write('fleet.yaml', 'apiVersion: fractal.lba.io/v1\nkind: Fleet\nmetadata: { name: local }\nspec: {}\n')
    await folder.rescan()
    expect(changed).toEqual(['a', 'b'])
    changed.length = 0
    await write('a.yaml', `${manifest('a')}---\n${manifest('b', spec.replace('}', ', dryRun: true }'))}`)
    await folder.rescan()
    expect(changed).toEqual(['b'])
  })

  it('takes a file that is gone for deleted only once it has stayed gone', async () => {
    await write('a.yaml', manifest('a'))
    await folder.rescan()
    await rm(join(dir, 'a.yaml'))
    await folder.rescan()
    expect(folder.content.objects.has('a')).toBe(true)
    await scanAfter(600)
    expect(folder.content.objects.has('a')).toBe(false)
  })

  it('keeps an object whose file was saved in two steps, or broken', async () => {
    await write('a.yaml', manifest('a'))
    await folder.rescan()
    await write('a.yaml', '')
    await folder.rescan()
    expect(folder.content.objects.has('a')).toBe(true)
    await write('a.yaml', 'spec: [')
    await scanAfter(60_000)
    await scanAfter(60_000)
    expect(folder.content.objects.has('a')).toBe(true)
    expect(folder.content.problems).toMatchObject([
      { file: 'a.yaml', name: 'a', message: expect.stringContaining('not valid YAML') },
    ])
    await write('a.yaml', manifest('a'))
    await folder.rescan()
    expect(folder.content.problems).toEqual([])
  })

  it('does not take one name twice', async () => {
    await write('a.yaml', manifest('same'))
    await write('b.yaml', manifest('same'))
    await folder.rescan()
    expect(folder.content.problems).toMatchObject([
      { file: 'b.yaml', name: 'same', message: expect.stringContaining('defined in a.yaml too') },
    ])
  })
})

describe('objects of a folder', () => {
  const objectsOf = () => new LocalObjects({ folder: dir, manifests: folder, now: clock.now })
  const started = { ...freshStatus(1, 1, 0), phase: 'Copying' as const, migrationId: 'a-1' }
  let objects: LocalObjects
  const get = async (name = 'a') => {
    const object = await objects.get(name)
    if (!object) throw new Error(`no ${name}`)
    return object
  }

  beforeEach(async () => {
    objects = objectsOf()
    await write('a.yaml', manifest('a'))
    await folder.rescan()
  })

  it('keep their uid, and a generation that grows with the spec alone, across a restart', async () => {
    const first = await get()
    await objects.writeStatus(first, started)
    objects = objectsOf()
    expect(await get()).toMatchObject({ uid: first.uid, generation: 1, status: { phase: 'Copying' } })
    await write('a.yaml', manifest('a', spec.replace('}', ', batchSize: 7 }')))
    await folder.rescan()
    expect(await get()).toMatchObject({ uid: first.uid, generation: 2, spec: { batchSize: 7 } })
  })

  it('go on with the last accepted spec when the manifest is broken, or changes what is being moved', async () => {
    await objects.writeStatus(await get(), started)
    for (const [bad, field] of [
      [spec.replace('}', ', batchSize: 0 }'), 'spec.batchSize'],
      [spec.replace('redis://b', 'redis://c'), 'spec.targetShards'],
    ] as const) {
      await write('a.yaml', manifest('a', bad))
      await folder.rescan()
      expect(await get()).toMatchObject({
        generation: 1,
        spec: { batchSize: 1000, targetShards: ['redis://a', 'redis://b'] },
        problems: [{ field }],
      })
    }
  })

  it('are still known when their manifest is deleted in mid-flight, until they are let go', async () => {
    await objects.writeStatus(await get(), started)
    await rm(join(dir, 'a.yaml'))
    await folder.rescan()
    await scanAfter(600)
    objects = objectsOf()
    const object = await get()
    expect(object).toMatchObject({
      deletionRequested: true,
      spec: withDefaults({ sourceShards: ['redis://a'], targetShards: ['redis://a', 'redis://b'], dedupBackend: 'redis' }),
    })
    await objects.forget(object)
    expect(await objects.get('a')).toBeUndefined()
    expect((await readdir(dir)).filter((file) => file.startsWith('a.'))).toEqual([])
  })

  it('are not deleted by a manifest that cannot be read when an operator starts', async () => {
    await objects.writeStatus(await get(), started)
    await write('a.yaml', 'spec: [')
    folder = new ManifestFolder(dir, clock, () => undefined)
    await folder.rescan()
    objects = objectsOf()
    expect(await get()).toMatchObject({ deletionRequested: false, problems: [{ field: 'a.yaml' }], spec: { batchSize: 1000 } })
  })

  it('are the same object when their status was lost, with or without a manifest', async () => {
    const { uid } = await get()
    await objects.writeStatus({ ...(await get()), uid }, started)
    await rm(join(dir, 'a.status.yaml'))
    objects = objectsOf()
    expect(await get()).toMatchObject({ uid, generation: 1, status: undefined, deletionRequested: false })
    await rm(join(dir, 'a.yaml'))
    await folder.rescan()
    await scanAfter(600)
    expect(await get()).toMatchObject({ uid, deletionRequested: true, spec: { batchSize: 1000 } })
  })

  it('refuse to guess at a status file that was edited', async () => {
    await write('a.status.yaml', 'status: { phase: Copying }')
    await expect(objects.get('a')).rejects.toThrow('has no metadata.uid')
  })

  it('write a status only when it says something new', async () => {
    const object = await get()
    await objects.writeStatus(object, started)
    await rm(join(dir, 'a.status.yaml'))
    await objects.writeStatus(object, started)
    expect((await readdir(dir)).includes('a.status.yaml')).toBe(false)
  })
})

describe('annotations', () => {
  it('come and go without touching the rest of the file', async () => {
    const text = `# mine\n${manifest('other')}---\n${manifest('a').replace('{ name: a }', '\n  name: a # that one')}`
    await write('a.yaml', text)
    const place = { folder: dir, file: join(dir, 'a.yaml'), name: 'a' }
    expect(await setAnnotation(place, 'fractal.lba.io/pause', 'now')).toBe(true)
    await folder.rescan()
    expect(folder.content.objects.get('a')?.annotations).toEqual({ 'fractal.lba.io/pause': 'now' })
    expect(folder.content.objects.get('other')?.annotations).toEqual({})
    expect(await removeAnnotation(place, 'fractal.lba.io/pause', 'another order')).toBe(false)
    expect(await removeAnnotation(place, 'fractal.lba.io/pause', 'now')).toBe(true)
    const after = await readFile(join(dir, 'a.yaml'), 'utf8')
    expect(after).not.toContain('annotations')
    expect(after).toContain('# mine')
    expect(after).toContain('# that one')
  })

  it('given at the same time are all there', async () => {
    await write('a.yaml', manifest('a'))
    const place = { folder: dir, file: join(dir, 'a.yaml'), name: 'a' }
    await Promise.all(['x', 'y', 'z'].map((key) => setAnnotation(place, key, '1')))
    await folder.rescan()
    expect(folder.content.objects.get('a')?.annotations).toEqual({ x: '1', y: '1', z: '1' })
  })
})

describe('events', () => {
  it('count repeats in one line, and survive a torn last one', async () => {
    const path = join(dir, 'a.events.jsonl')
    const log = new EventLog(path)
    for (let i = 0; i < 50; i++) await log.record('Warning', 'GateFailed', 'slow', 1000 + i)
    await log.record('Normal', 'Copying', 'x', 2000)
    await writeFile(path, `${await readFile(path, 'utf8')}{"type":"No`)
    expect(await readEvents(path)).toMatchObject([
      { reason: 'GateFailed', count: 50 },
      { reason: 'Copying', count: 1 },
    ])
    await new EventLog(path).record('Warning', 'GateFailed', 'slow', 700_000)
    expect(await readEvents(path)).toMatchObject([
      { reason: 'GateFailed' },
      { reason: 'Copying' },
      { reason: 'GateFailed', count: 1 },
    ])
  })
})

describe('the lock of a folder', () => {
  it.each([
    ['was killed', '999999999'],
    ['was killed, and whose pid another process has now', `${process.ppid} 1`],
    ['left it half-written', ''],
  ])('is taken over from a process that %s', async (_name, left) => {
    await mkdir(join(dir, '.operator'))
    const path = join(dir, '.operator', 'operator.pid')
    await writeFile(path, left)
    const unlock = await lockFolder(dir)
    expect(await readFile(path, 'utf8')).toBe(await ownIdentity())
    await expect(lockFolder(dir)).rejects.toThrow(`served by another operator, process ${process.pid}`)
    await unlock()
  })
})
