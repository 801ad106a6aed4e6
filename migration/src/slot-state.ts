/**
 * What state a moving slot is in, derived from nothing but its rows at the two shards (pure). The rows are the whole memory of a
 * migration: each combination that a crash can leave behind has a name here, and each name has exactly one next action in `decide.ts`.
 */
import type { MigrationId, ShardId, SlotRow } from '@fractal-lba/shards/port'

export type SlotState =
  /** The source owns it, nothing has begun. */
  | 'untouched'
  /** The target takes imports, capture is not on yet. */
  | 'prepared'
  /** Captured; the scan has not passed it. */
  | 'copying'
  /** Captured and copied (I2). */
  | 'copied'
  /** Captured, copied, compared (I3). */
  | 'verified'
  /** Released at the source, not acquired by the target: its writers wait. */
  | 'switching'
  /** The target owns it and captures for the source, so that there is a way back. */
  | 'cut'
  /** The target owns it and captures no more: no way back. The source still holds records. */
  | 'sealed'
  /** The target owns it, the source holds a hint only. */
  | 'cleaned'
  /** Released by the target for the way back, not acquired by the source yet: its writers wait. */
  | 'returning'
  /** The source owns it; the target holds records that are no longer kept in step. To be discarded. */
  | 'stale'

export type Contradiction = { readonly broken: string }

export function slotState(
  source: SlotRow | undefined,
  target: SlotRow | undefined,
  move: { migration: MigrationId; source: ShardId; target: ShardId },
): SlotState | Contradiction {
  if (!source) return { broken: `${move.source} knows nothing of it (has the shard lost state?)` }
  switch (source.role) {
    case 'importing':
      return { broken: `migration ${source.migration} is importing it into ${move.source}` }
    case 'owned':
      return stateWhileOwned(source, target, move.migration)
    case 'released':
      return stateWhileReleased(source, target, move)
  }
}

function stateWhileOwned(
  source: SlotRow & { role: 'owned' },
  target: SlotRow | undefined,
  migration: MigrationId,
): SlotState | Contradiction {
  if (source.capture && source.capture.migration !== migration)
    return { broken: `it is part of migration ${source.capture.migration}` }
  if (!target) return 'untouched'
  switch (target.role) {
    case 'owned':
      return { broken: 'both shards own it' }
    case 'released':
      if (target.migration === undefined) return 'untouched'
      return target.migration === migration ? 'stale' : { broken: `migration ${target.migration} is not cleaned up` }
    case 'importing':
      if (target.migration !== migration) return { broken: `migration ${target.migration} is importing it` }
      if (source.capture) return target.copy === 'pending' ? 'copying' : target.copy
      // What a rolled-back attempt left at the target is a part of what the source still holds, so a pending import may go on; one that
      // counts as copied may not, since writes went past it while capture was off.
      return target.copy === 'pending' ? 'prepared' : 'stale'
  }
}

function stateWhileReleased(
  source: SlotRow & { role: 'released' },
  target: SlotRow | undefined,
  move: { migration: MigrationId; target: ShardId },
): SlotState | Contradiction {
  if (source.migration !== undefined && source.migration !== move.migration)
    return { broken: `it was released for migration ${source.migration}` }
  if (source.to !== move.target) return { broken: `it was released to ${source.to}` }
  if (!target) return { broken: `${move.target}, which it was released to, knows nothing of it (has the shard lost state?)` }
  switch (target.role) {
    case 'owned':
      if (target.capture && target.capture.migration !== move.migration)
        return { broken: `it is part of migration ${target.capture.migration}` }
      if (source.migration === undefined) return 'cleaned'
      return target.capture ? 'cut' : 'sealed'
    case 'released':
      return source.migration !== undefined && target.migration === move.migration
        ? 'returning'
        : { broken: `${move.target} has released it to ${target.to}` }
    case 'importing':
      if (source.migration === undefined || target.migration !== move.migration)
        return { broken: `migration ${target.migration} is importing it` }
      return 'switching'
  }
}
