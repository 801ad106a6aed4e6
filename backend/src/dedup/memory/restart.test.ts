import { cpSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DurableEntry, Settlement } from '../../wal/port.ts'
import { entry, makeWalDir, openTestWal, type TestWal } from '../../wal/testing/open-test-wal.ts'
import type { DedupPut, Outcome } from '../port.ts'
import { MemoryStore } from './memory-store.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'

const SNAPSHOT = 'memory.snapshot'

function putOf({ body, position }: DurableEntry<unknown>): DedupPut {
  const key = dedupKey('tenant', body.toString())
  const decision = { verdict: 'accepted', reason: '', recomputedDHat: 1.5, recomputedBudget: 0.25 } as const
  const origin = { pod: 'verifier-0', ...position }
  const record = encodeRecord({ ...decision, contentHash: Buffer.alloc(16), origin, decidedAtMs: 0, expiresAtMs: 1e9 })
  return { key, slot: slotOfKey(key), record, expiresAtMs: 1e9 }
}

function settlementOf(of: DurableEntry<unknown>, outcome: Outcome): Settlement {
  const { key, record } = putOf(of)
  const won = outcome.kind === 'won'
  return { position: of.position, result: won ? 'won' : 'lost', key, record: won ? record : undefined }
}

/** What a pod does when it starts on `dir`. */
async function start(dir: string): Promise<{ opened: TestWal; store: MemoryStore; replayed: [string, Outcome][] }> {
  const store = new MemoryStore({ nowMs: () => 0 })
  await readSnapshot(store, join(dir, SNAPSHOT))
  const opened = await openTestWal(dir, { segmentBytes: 2_000 })
  for (const { result, key, record } of opened.restored) if (result === 'won') store.restore(key!, record!)
  const replayed: [string, Outcome][] = []
  for await (const batch of opened.recovered.unsettled) {
    const outcomes = await store.putIfAbsent(batch.map(putOf))
    batch.forEach(({ position }, index) => {
      replayed.push([`${position.segment}/${position.offset}`, outcomes[index]!])
    })
  }
  return { opened, store, replayed }
}

const groupOfEntries = fc.record({
  keys: fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }),
  /** How many groups late its settlements are noted. */
  settlesLate: fc.nat(3),
  snapshots: fc.boolean(),
})

describe('a memory store after a crash', () => {
  it('has every decision, and decides the unsettled entries as it had decided them, whenever the crash came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(groupOfEntries, { minLength: 1, maxLength: 15 }), async (groups) => {
        const dir = await makeWalDir()
        const image = `${dir}.crashed`
        const before = await start(dir)
        const decided = new Map<string, Outcome>()
        const unnoted: { dueAt: number; settlements: Settlement[] }[] = []
        for (const [number, { keys, settlesLate, snapshots }] of groups.entries()) {
          const from = before.opened.durable.length
          for (const key of keys) before.opened.wal.append(entry(number, `key ${key}`))
          await before.opened.untilDurable(from + keys.length)
          const batch = before.opened.durable.slice(from)
          const outcomes = await before.store.putIfAbsent(batch.map(putOf))
          batch.forEach(({ position }, index) => {
            decided.set(`${position.segment}/${position.offset}`, outcomes[index]!)
          })
          unnoted.push({ dueAt: number + settlesLate, settlements: batch.map((of, index) => settlementOf(of, outcomes[index]!)) })
          for (const { dueAt, settlements } of unnoted) if (dueAt === number) before.opened.wal.settle(settlements)
          if (snapshots) await writeSnapshot(before.store, join(dir, SNAPSHOT), before.opened.wal.currentSegment, 0)
        }
        // The files as they are at this instant: what a killed process leaves behind.
        cpSync(dir, image, { recursive: true })
        const after = await start(image)
        for (const [position, outcome] of after.replayed) expect(outcome).toEqual(decided.get(position))
        expect(after.store.size).toBe(before.store.size)
        for (const of of before.opened.durable) expect(after.store.get(putOf(of).key)).toEqual(before.store.get(putOf(of).key))
        await before.opened.wal.close()
        await after.opened.wal.close()
        await rm(dir, { recursive: true })
        await rm(image, { recursive: true })
      }),
      { numRuns: 40 },
    )
  })
})
