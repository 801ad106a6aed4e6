/**
 * The legal changes of a slot's row, as pure functions: what a control call does to one row, nothing else. All adapters decide with
 * these and then write atomically on the condition that the rows are still the ones that were judged, so that the three stores
 * cannot disagree about what is legal.
 *
 * A rule answers `same` where the call was done before (calls are repeated when their reply was lost).
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardId, SlotRow } from './port.ts'

export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'set'; readonly row: SlotRow | undefined }
  | { readonly kind: 'illegal' }

export interface SlotRule {
  /** The call, as it is named in refusals. */
  readonly call: string
  /** The state that the call needs, for people. */
  readonly needs: string
  readonly judge: (slot: SlotId, row: SlotRow | undefined) => Verdict
}

const SAME: Verdict = { kind: 'same' }
const ILLEGAL: Verdict = { kind: 'illegal' }
const set = (row: SlotRow | undefined): Verdict => ({ kind: 'set', row })

export function beginImportRule(migration: MigrationId, from: ShardId): SlotRule {
  return {
    call: 'beginImport',
    needs: 'unknown here, or released and cleaned up, and hold no records',
    judge(slot, row) {
      const imported: SlotRow = { slot, role: 'importing', migration, from, copy: 'pending' }
      if (!row) return set(imported)
      if (row.role === 'importing') return row.migration === migration && row.from === from ? SAME : ILLEGAL
      return row.role === 'released' && row.migration === undefined ? set(imported) : ILLEGAL
    },
  }
}

export function markVerifiedRule(migration: MigrationId): SlotRule {
  return {
    call: 'markVerified',
    needs: 'importing for this migration and wholly copied',
    judge(_slot, row) {
      if (row?.role !== 'importing' || row.migration !== migration || row.copy === 'pending') return ILLEGAL
      return row.copy === 'verified' ? SAME : set({ ...row, copy: 'verified' })
    },
  }
}

export function startCaptureRule(migration: MigrationId, to: ShardId): SlotRule {
  return {
    call: 'startCapture',
    needs: 'owned, and not captured for anyone else',
    judge(_slot, row) {
      if (row?.role !== 'owned') return ILLEGAL
      if (!row.capture) return set({ ...row, capture: { to, migration } })
      return row.capture.migration === migration && row.capture.to === to ? SAME : ILLEGAL
    },
  }
}

export function stopCaptureRule(migration: MigrationId): SlotRule {
  return {
    call: 'stopCapture',
    needs: 'owned, and captured for this migration or not at all',
    judge(_slot, row) {
      if (row?.role !== 'owned') return ILLEGAL
      if (!row.capture) return SAME
      return row.capture.migration === migration ? set({ ...row, capture: undefined }) : ILLEGAL
    },
  }
}

/** Only a captured slot may be let go: without its queue, the writes since the copy would stay behind. */
export function releaseRule(migration: MigrationId, to: ShardId): SlotRule {
  return {
    call: 'release',
    needs: `owned, and captured for this migration towards ${to}`,
    judge(slot, row) {
      if (row?.role === 'released') return row.migration === migration && row.to === to ? SAME : ILLEGAL
      if (row?.role !== 'owned' || row.capture?.migration !== migration || row.capture.to !== to) return ILLEGAL
      return set({ slot, role: 'released', generation: (row.generation + 1) as Generation, to, migration })
    },
  }
}

export function acquireRule(
  migration: MigrationId,
  generations: ReadonlyMap<SlotId, Generation>,
  captureTo: ShardId | undefined,
): SlotRule {
  return {
    call: 'acquire',
    needs: 'importing and verified, or released, for this migration, at no higher generation',
    judge(slot, row) {
      const generation = generations.get(slot) as Generation
      const capture = captureTo === undefined ? undefined : { to: captureTo, migration }
      if (row?.role === 'owned') {
        const done =
          row.generation === generation && row.capture?.to === captureTo && (!row.capture || row.capture.migration === migration)
        return done ? SAME : ILLEGAL
      }
      if (row?.migration !== migration) return ILLEGAL
      if (row.role === 'importing' ? row.copy !== 'verified' : row.generation > generation) return ILLEGAL
      return set({ slot, role: 'owned', generation, capture })
    },
  }
}

/** What the row becomes once the slot holds no more records. A hint outlives the records; an import leaves no trace. */
export function discardRule(migration: MigrationId): SlotRule {
  return {
    call: 'discard',
    needs: 'not owned, of this migration or of none, with nothing left in its capture queue',
    judge(_slot, row) {
      if (!row) return SAME
      if (row.role === 'owned') return ILLEGAL
      if (row.role === 'released' && row.migration === undefined) return SAME
      if (row.migration !== migration) return ILLEGAL
      return set(row.role === 'importing' ? undefined : { ...row, migration: undefined })
    },
  }
}

/** Whether records copied for `migration` may be applied to a slot in this state. */
export function mayApply(row: SlotRow | undefined, migration: MigrationId): boolean {
  return (row?.role === 'importing' || row?.role === 'released') && row.migration === migration
}

/** The migration on whose behalf a slot's capture queue is kept: an owner fills it, and a shard that let go still drains it. */
export function captureOwner(row: SlotRow | undefined): MigrationId | undefined {
  if (row?.role === 'owned') return row.capture?.migration
  return row?.role === 'released' ? row.migration : undefined
}

export const APPLY_NEEDS = 'importing or released for this migration'

/** A row in words, for refusals. */
export function describeRow(row: SlotRow | undefined): string {
  if (!row) return 'unknown here'
  switch (row.role) {
    case 'owned':
      return `owned (generation ${row.generation}${row.capture ? `, captured for migration ${row.capture.migration} towards ${row.capture.to}` : ''})`
    case 'importing':
      return `importing from ${row.from} for migration ${row.migration} (${row.copy})`
    case 'released':
      return `released to ${row.to} (generation ${row.generation}, ${row.migration === undefined ? 'cleaned up' : `kept for migration ${row.migration}`})`
  }
}
