/** A slot's row as the columns of `flk.slot`. */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardId, SlotRow } from '../port.ts'

export interface RowColumns {
  readonly slot: SlotId
  readonly role: 'owned' | 'importing' | 'released'
  readonly generation: Generation | null
  readonly peer: ShardId | null
  readonly migration: MigrationId | null
  readonly copy: 'pending' | 'copied' | 'verified' | null
}

export function rowToColumns(row: SlotRow): RowColumns {
  const { slot, role } = row
  switch (row.role) {
    case 'owned':
      return {
        slot,
        role,
        generation: row.generation,
        peer: row.capture?.to ?? null,
        migration: row.capture?.migration ?? null,
        copy: null,
      }
    case 'importing':
      return { slot, role, generation: null, peer: row.from, migration: row.migration, copy: row.copy }
    case 'released':
      return { slot, role, generation: row.generation, peer: row.to, migration: row.migration ?? null, copy: null }
  }
}

export function rowFromColumns({ slot, role, generation, peer, migration, copy }: RowColumns): SlotRow {
  switch (role) {
    case 'owned': {
      const capture = peer === null ? undefined : { to: peer, migration: migration as MigrationId }
      return { slot, role, generation: generation as Generation, capture }
    }
    case 'importing':
      return { slot, role, migration: migration as MigrationId, from: peer as ShardId, copy: copy ?? 'pending' }
    case 'released':
      return { slot, role, generation: generation as Generation, to: peer as ShardId, migration: migration ?? undefined }
  }
}
