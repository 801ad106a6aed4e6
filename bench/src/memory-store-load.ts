/**
 * Fills the memory store and looks records up, in a process of its own so that its resident memory is the store's:
 * `node --expose-gc bench/src/memory-store-load.ts RECORDS` prints a line of JSON.
 */
import { hash } from 'node:crypto'
import { MemoryStore } from '@fractal-lba/backend/dedup/memory/memory-store'
import { slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { FORTNIGHT_MS, sampleRecord } from './sample-record.ts'

const LOOKUPS = 200_000
const BATCH = 64

const records = Number(process.argv[2])
const nowMs = Date.now()
const keyOf = (n: number) => hash('sha256', `key ${n}`, 'buffer')

const recordOf = (n: number) => sampleRecord(n, { pod: 'verifier-0', segment: 1 + (n >> 16), offset: (n & 0xffff) * 900 }, nowMs)

function collect(): void {
  if (!globalThis.gc) throw new Error('run with --expose-gc')
  globalThis.gc()
  globalThis.gc()
}

const store = new MemoryStore({ nowMs: () => nowMs })
collect()
const before = process.memoryUsage().rss
for (let n = 0; n < records; n += BATCH) {
  const puts = []
  for (let i = n; i < Math.min(n + BATCH, records); i++) {
    const key = keyOf(i)
    puts.push({ key, slot: slotOfKey(key), record: recordOf(i), expiresAtMs: nowMs + FORTNIGHT_MS })
  }
  await store.putIfAbsent(puts)
}
collect()
const bytesPerRecord = (process.memoryUsage().rss - before) / records

const wanted = Array.from({ length: LOOKUPS }, (_, i) => keyOf((i * 7919) % records))
for (const key of wanted) store.get(key)
const started = performance.now()
for (const key of wanted) if (!store.get(key)) throw new Error('a record that was put is not there')
const lookupNs = ((performance.now() - started) * 1e6) / LOOKUPS
console.log(JSON.stringify({ records: store.size, bytesPerRecord, lookupNs }))
