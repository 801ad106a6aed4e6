/** Makes shards a fleet, and fills it through the data plane, as verifiers do. */
import { hash } from 'node:crypto'
import { joinFleet } from '@fractal-lba/backend/dedup/sharded/join-fleet'
import { DEFAULT_VNODES } from '@fractal-lba/protocol/ring/ring'
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { parseShardList } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { Put } from '@fractal-lba/shards/port'
import { FORTNIGHT_MS, sampleRecord } from './sample-record.ts'

const BATCH = 250
const IN_FLIGHT = 4
const DEADLINE_MS = 30_000

/** The decision about the n-th key: the same key for the same n, of a typical size. */
export function samplePut(n: number, nowMs: number): Put {
  const key = hash('sha256', `key ${n}`, 'buffer')
  const origin = { pod: 'bench-0', segment: 1 + (n >> 16), offset: (n & 0xffff) * 900 }
  return { key, slot: slotOfKey(key), record: sampleRecord(n, origin, nowMs), expiresAtMs: nowMs + FORTNIGHT_MS }
}

/** Calls `write` for keys 0 to `keys`, a batch at a time, some of them at once. */
export async function inBatches(keys: number, write: (puts: Put[]) => Promise<unknown>): Promise<void> {
  const nowMs = Date.now()
  let next = 0
  const writer = async () => {
    while (next < keys) {
      const from = next
      next = Math.min(keys, next + BATCH)
      await write(Array.from({ length: next - from }, (_, i) => samplePut(from + i, nowMs)))
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, writer))
}

/** The slots are placed on the shards by the ring, as the first verifier of a fleet does it. */
export async function fillShards(urls: readonly string[], keys: number): Promise<void> {
  const addresses = parseShardList(urls)
  const controls = addresses.map((address) => openShardControl(address))
  const shards = addresses.map((address) => openShardData(address))
  try {
    const placement = await joinFleet(controls, DEFAULT_VNODES)
    await inBatches(keys, async (puts) => {
      const ofShard = Map.groupBy(puts, ({ slot }) => placement[slot] as number)
      await Promise.all([...ofShard].map(([shard, some]) => shards[shard]?.put(some, Date.now() + DEADLINE_MS)))
    })
  } finally {
    await Promise.all([...controls, ...shards].map((client) => client.close()))
  }
}
