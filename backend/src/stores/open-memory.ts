/** The embedded store of a single pod: read from its snapshot, then from the log behind it. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { MemoryStore } from '../dedup/memory/memory-store.ts'
import { readSnapshot, writeSnapshot } from '../dedup/memory/snapshot.ts'
import type { OpenedStore } from './opened-store.ts'

const SNAPSHOT_FILE = 'memory.snapshot'
/** Finished log segments behind the last snapshot that make a new one worth its writing; they replay in some seconds. */
const SEGMENTS_A_SNAPSHOT = 4
const NO_SHARDS = { shards: [] }

/** @throws BadSnapshot */
export async function openMemoryStore(walDir: string, wallClock: () => number): Promise<OpenedStore> {
  await mkdir(walDir, { recursive: true })
  const path = join(walDir, SNAPSHOT_FILE)
  const store = new MemoryStore({ nowMs: wallClock })
  const found = await readSnapshot(store, path)
  let coversBelow = found?.coversBelow ?? 0
  return {
    store,
    rebuiltFromLog: true,
    restore(settlements) {
      for (const { result, key, record } of settlements) if (result === 'won' && key && record) store.restore(key, record)
    },
    async checkpoint(currentSegment, final) {
      if (currentSegment - coversBelow >= (final ? 1 : SEGMENTS_A_SNAPSHOT)) {
        ;({ coversBelow } = await writeSnapshot(store, path, currentSegment, wallClock()))
      }
      return coversBelow
    },
    async sweep() {},
    fleetConfig: { revision: revisionOf(NO_SHARDS), generation: 0 },
    async applyConfig() {
      return { kind: 'invalid', problem: 'this pod uses the memory store, which has no shards' }
    },
    shards: () => [],
    slots: () => new Map(),
    acknowledge: () => false,
  }
}
