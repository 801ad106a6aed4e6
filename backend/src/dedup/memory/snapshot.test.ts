import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DedupPut } from '../port.ts'
import { MemoryStore } from './memory-store.ts'
import { BadSnapshot, readSnapshot, writeSnapshot } from './snapshot.ts'

function put(id: number, expiresAtMs = 1000 + id): DedupPut {
  const key = dedupKey('tenant', String(id))
  const origin = { pod: 'verifier-0', segment: 7, offset: id }
  const contentHash = Buffer.alloc(16, id % 251)
  const decision = { verdict: 'accepted', reason: '', recomputedDHat: 1.5, recomputedBudget: 0.25 } as const
  const record = encodeRecord({ ...decision, contentHash, origin, decidedAtMs: 0, expiresAtMs })
  return { key, slot: slotOfKey(key), record, expiresAtMs }
}

async function fill(store: MemoryStore, from: number, to: number): Promise<void> {
  for (let id = from; id < to; id += 100)
    await store.putIfAbsent(Array.from({ length: Math.min(100, to - id) }, (_, index) => put(id + index)))
}

describe('snapshot', () => {
  let dir: string
  let path: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'snapshot-'))
    path = join(dir, 'memory.snapshot')
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('gives back the same store', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await fill(store, 0, 100_000)
    expect(await writeSnapshot(store, path, 12, 34)).toEqual({ coversBelow: 12, takenAtMs: 34, records: 100_000 })
    const restored = new MemoryStore({ nowMs: () => 0 })
    expect(await readSnapshot(restored, path)).toEqual({ coversBelow: 12, takenAtMs: 34, records: 100_000 })
    expect(restored.size).toBe(store.size)
    for (let id = 0; id < 100_000; id += 101) expect(restored.get(put(id).key)).toEqual(store.get(put(id).key))
    expect(await readdir(dir)).toEqual(['memory.snapshot'])
  })

  it('holds exactly what was there when it began, though puts go on', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await fill(store, 0, 90_000)
    const writing = writeSnapshot(store, path, 1, 1)
    await fill(store, 90_000, 150_000)
    expect((await writing).records).toBe(90_000)
    const restored = new MemoryStore({ nowMs: () => 0 })
    await readSnapshot(restored, path)
    expect(restored.size).toBe(90_000)
    expect(restored.get(put(89_999).key)).toEqual(put(89_999).record)
    expect(restored.get(put(90_000).key)).toBeUndefined()
  })

  it('leaves out what has expired by the time it is read', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await fill(store, 0, 1000)
    await writeSnapshot(store, path, 1, 1)
    const restored = new MemoryStore({ nowMs: () => 1500 })
    await readSnapshot(restored, path)
    expect(restored.size).toBe(499)
  })

  it('is undefined where there is none', async () => {
    expect(await readSnapshot(new MemoryStore({ nowMs: () => 0 }), path)).toBeUndefined()
  })

  it('is refused when any byte of it is changed, or it ends early', async () => {
    const store = new MemoryStore({ nowMs: () => 0 })
    await fill(store, 0, 3)
    await writeSnapshot(store, path, 1, 1)
    const sound = await readFile(path)
    for (let at = 0; at < sound.length; at++) {
      // Two bytes of the header are reserved, but its checksum covers them as well.
      const changed = Buffer.from(sound)
      changed[at] = (changed[at] as number) ^ 0x10
      await writeFile(path, changed)
      await expect(readSnapshot(new MemoryStore({ nowMs: () => 0 }), path), `byte ${at} changed`).rejects.toThrow(BadSnapshot)
      await writeFile(path, sound.subarray(0, at))
      await expect(readSnapshot(new MemoryStore({ nowMs: () => 0 }), path), `cut at ${at}`).rejects.toThrow(BadSnapshot)
    }
  })
})
