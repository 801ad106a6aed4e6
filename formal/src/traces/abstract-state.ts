/**
 * One slot of a migration as models/Slot.tla sees it: read from the insides of two shards (pure). What the model does not know of is left
 * out: records that expire within the life, hints of other migrations, the document's times.
 */
import type { MigrationDocument } from '@fractal-lba/migration/document'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { MigrationId, ShardId, SlotRow } from '@fractal-lba/shards/port'

export interface AbstractRow {
  readonly role: 'none' | SlotRow['role']
  readonly gen: number
  readonly captured: boolean
  readonly copy: 'none' | 'pending' | 'copied' | 'verified'
  readonly kept: boolean
}

export interface AbstractDocument {
  readonly dir: 'none' | 'forward' | 'back'
  readonly certified: boolean
  readonly sealed: boolean
  readonly end: 'no' | 'completed' | 'rolled-back'
}

export interface AtShard {
  readonly row: AbstractRow
  /** Keys, hex, ascending. */
  readonly recs: readonly string[]
  readonly queue: readonly string[]
  readonly fence: number
}

export interface AbstractState {
  readonly source: AtShard
  readonly target: AtShard
  readonly doc: AbstractDocument
}

export interface MovingSlot {
  readonly migration: MigrationId
  readonly slot: SlotId
  readonly source: ShardId
  readonly target: ShardId
}

export const NO_DOCUMENT: AbstractDocument = { dir: 'none', certified: false, sealed: false, end: 'no' }

export function abstractDocument(document: MigrationDocument): AbstractDocument {
  const { direction, certificate, cleanupAtMs, outcome } = document
  return { dir: direction, certified: certificate !== undefined, sealed: cleanupAtMs !== undefined, end: outcome ?? 'no' }
}

/** Whether a row says that the slot is on its way for another migration: what comes then is no part of this one. */
export function isAnothers(row: SlotRow | undefined, migration: MigrationId): boolean {
  const whose = row?.role === 'owned' ? row.capture?.migration : row?.migration
  return whose !== undefined && whose !== migration
}

export function atShard(server: MemoryServer, { slot, migration }: MovingSlot, livesPastMs: number): AtShard {
  const long = (records: Iterable<{ readonly key: Buffer; readonly expiresAtMs: number }>) =>
    [...records]
      .filter(({ expiresAtMs }) => expiresAtMs > livesPastMs)
      .map(({ key }) => key.toString('hex'))
      .sort()
  return {
    row: abstractRow(server.rows.get(slot), migration),
    recs: long(server.recordsOf(slot).values()),
    queue: long(server.queueOf(slot)),
    fence: server.fence,
  }
}

function abstractRow(row: SlotRow | undefined, migration: MigrationId): AbstractRow {
  const none: AbstractRow = { role: 'none', gen: 0, captured: false, copy: 'none', kept: false }
  switch (row?.role) {
    case undefined:
      return none
    case 'owned':
      return { ...none, role: 'owned', gen: row.generation, captured: row.capture?.migration === migration }
    case 'importing':
      return { ...none, role: 'importing', copy: row.copy }
    case 'released':
      return { ...none, role: 'released', gen: row.generation, kept: row.migration === migration }
  }
}
