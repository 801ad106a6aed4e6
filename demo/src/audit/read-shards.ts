/**
 * Asks every shard directly: which slots it says it owns, what it holds for each key that anyone ever submitted (owner or not), and how
 * many live records each slot has by the server's own count.
 */
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardList, type ShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { ShardEvidence } from './evidence.ts'

/** An audit may wait: it must not say "lost" where a server was only slow. */
const DEADLINE_MS = 30_000
const KEYS_AT_ONCE = 1000
const SLOTS_AT_ONCE = 1024

/** @throws ShardUnavailable when one does not answer: then nothing is said about any. */
export async function readShards(urls: readonly string[], keys: readonly string[]): Promise<ShardEvidence[]> {
  if (urls.length === 0) return []
  return Promise.all(parseShardList(urls).map((address) => readShard(address, keys)))
}

async function readShard(address: ShardAddress, keys: readonly string[]): Promise<ShardEvidence> {
  const control = openShardControl(address)
  const data = openShardData(address)
  try {
    const { fleet, slots } = await control.describe()
    // A server that no migration has come to yet has no schema to ask. If it ever held anything, the keys are missed elsewhere.
    if (!fleet && slots.length === 0) return { name: address.id, owned: new Set(), records: new Map(), counts: new Map() }
    const owned = new Set<number>(slots.filter(({ role }) => role === 'owned').map(({ slot }) => slot))
    const records = new Map<string, Buffer>()
    for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
      const some = keys.slice(from, from + KEYS_AT_ONCE)
      const found = await data.get(
        some.map((key) => Buffer.from(key, 'hex')),
        Date.now() + DEADLINE_MS,
      )
      for (const [i, record] of found.entries()) if (record) records.set(some[i] as string, record)
    }
    const counts = new Map<number, number>()
    for (let from = 0; from < SLOT_COUNT; from += SLOTS_AT_ONCE) {
      const some = Array.from({ length: SLOTS_AT_ONCE }, (_, i) => (from + i) as SlotId)
      for (const { slot, count } of await control.digest(some, { aliveAtMs: Date.now(), withoutCaptured: undefined }))
        if (count > 0) counts.set(slot, count)
    }
    return { name: address.id, owned, records, counts }
  } finally {
    await Promise.all([control.close(), data.close()])
  }
}
