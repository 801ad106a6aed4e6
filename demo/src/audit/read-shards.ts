/**
 * Asks every shard directly: which slots it says it owns, what it holds for each key that anyone ever submitted (owner or not), and how
 * many live records each slot has by the server's own count.
 */
import { decodeRecord } from '@fractal-lba/protocol/records/record'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardList, type ShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { ShardControl } from '@fractal-lba/shards/port'
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
    if (!fleet && slots.length === 0)
      return { name: address.id, owned: new Set(), records: new Map(), counts: new Map(), expireEarly: 0, expireLate: 0 }
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
    const counts = await countAlive(control, Date.now())
    const expiries = [...records.values()].flatMap((record) => expiryOf(record) ?? [])
    const [first, last] = [expiries.reduce((a, b) => Math.min(a, b), Infinity), expiries.reduce((a, b) => Math.max(a, b), 0)]
    const expireEarly = expiries.length > 0 ? sumOf(counts) - sumOf(await countAlive(control, first - 1)) : 0
    const expireLate = expiries.length > 0 ? sumOf(await countAlive(control, last)) : 0
    return { name: address.id, owned, records, counts, expireEarly, expireLate }
  } finally {
    await Promise.all([control.close(), data.close()])
  }
}

/** By slot, where there are any; counted by the server, by the expiry that it keeps itself. */
async function countAlive(control: ShardControl, aliveAtMs: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for (let from = 0; from < SLOT_COUNT; from += SLOTS_AT_ONCE) {
    const some = Array.from({ length: SLOTS_AT_ONCE }, (_, i) => (from + i) as SlotId)
    for (const { slot, count } of await control.digest(some, { aliveAtMs, withoutCaptured: undefined }))
      if (count > 0) counts.set(slot, count)
  }
  return counts
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

/** Undefined for bytes that are no record: the judge has its own word about those. */
function expiryOf(record: Buffer): number | undefined {
  try {
    return decodeRecord(record).expiresAtMs
  } catch {
    return undefined
  }
}
