/** Makes a shard the owner of all slots, and fills it through the data plane, as verifiers do. */
import { hash } from 'node:crypto'
import { SLOT_COUNT, slotOfKey, toSlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { FORTNIGHT_MS, sampleRecord } from './sample-record.ts'

const BATCH = 250
const IN_FLIGHT = 4
const DEADLINE_MS = 30_000

export async function fillShard(url: string, keys: number): Promise<void> {
  const address = parseShardAddress(url)
  const control = openShardControl(address)
  const data = openShardData(address)
  try {
    await control.initialise(
      { id: 'bench', initialOwners: [address.id] },
      Array.from({ length: SLOT_COUNT }, (_, slot) => toSlotId(slot)),
    )
    await control.markFleetReady()
    const nowMs = Date.now()
    let next = 0
    const writer = async () => {
      while (next < keys) {
        const from = next
        next = Math.min(keys, next + BATCH)
        const puts = Array.from({ length: next - from }, (_, i) => {
          const n = from + i
          const key = hash('sha256', `key ${n}`, 'buffer')
          const origin = { pod: 'bench-0', segment: 1 + (n >> 16), offset: (n & 0xffff) * 900 }
          return { key, slot: slotOfKey(key), record: sampleRecord(n, origin, nowMs), expiresAtMs: nowMs + FORTNIGHT_MS }
        })
        await data.put(puts, Date.now() + DEADLINE_MS)
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, writer))
  } finally {
    await Promise.all([control.close(), data.close()])
  }
}
