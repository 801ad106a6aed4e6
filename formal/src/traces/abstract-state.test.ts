import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { MigrationId, ShardId, SlotRow } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { atShard, isAnothers } from './abstract-state.ts'

const slot = 7 as SlotId
const migration = 'm' as MigrationId
const [source, target] = ['a', 'b'] as [ShardId, ShardId]
const of = { slot, migration, source, target }
const NONE = { role: 'none', gen: 0, captured: false, copy: 'none', kept: false }

function rowOf(row: SlotRow | undefined) {
  const server = new MemoryServer(source, () => 0)
  if (row) server.rows.set(slot, row)
  return atShard(server, of, 0).row
}

describe('a row', () => {
  it.each<readonly [string, SlotRow | undefined, object]>([
    ['that is not there', undefined, {}],
    ['of an owner', { slot, role: 'owned', generation: 3 as Generation, capture: undefined }, { role: 'owned', gen: 3 }],
    [
      'of an owner that captures',
      { slot, role: 'owned', generation: 3 as Generation, capture: { to: target, migration } },
      { role: 'owned', gen: 3, captured: true },
    ],
    ['of an import', { slot, role: 'importing', migration, from: source, copy: 'copied' }, { role: 'importing', copy: 'copied' }],
    [
      'that keeps its records for a way back',
      { slot, role: 'released', generation: 2 as Generation, to: target, migration },
      { role: 'released', gen: 2, kept: true },
    ],
    [
      'that is a hint only',
      { slot, role: 'released', generation: 2 as Generation, to: target, migration: undefined },
      { role: 'released', gen: 2, kept: false },
    ],
  ])('%s is one of the model', (_what, row, abstract) => {
    expect(rowOf(row)).toEqual({ ...NONE, ...abstract })
  })

  it('of another migration ends what can be said of this one', () => {
    const other = 'other' as MigrationId
    expect(isAnothers({ slot, role: 'importing', migration: other, from: source, copy: 'pending' }, migration)).toBe(true)
    expect(
      isAnothers({ slot, role: 'owned', generation: 1 as Generation, capture: { to: target, migration: other } }, migration),
    ).toBe(true)
    expect(isAnothers({ slot, role: 'importing', migration, from: source, copy: 'pending' }, migration)).toBe(false)
    expect(isAnothers({ slot, role: 'released', generation: 2 as Generation, to: target, migration: undefined }, migration)).toBe(
      false,
    )
    expect(isAnothers(undefined, migration)).toBe(false)
  })
})

it('a shard shows its fence, and of its records and its log those that outlive the simulation, by key', () => {
  const server = new MemoryServer(source, () => 0)
  const record = (byte: number, expiresAtMs: number) => ({ key: Buffer.of(byte), record: Buffer.of(1), expiresAtMs })
  for (const one of [record(0x20, 100), record(0x10, 100), record(0x30, 50)]) {
    server.recordsOf(slot).set(one.key.toString('latin1'), one)
    server.capture(slot, one)
  }
  server.fence = 4
  expect(atShard(server, of, 50)).toEqual({ row: NONE, recs: ['10', '20'], queue: ['10', '20'], fence: 4 })
})
