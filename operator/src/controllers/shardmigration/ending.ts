/** After a migration has ended, either way: the fleet is told which shards are left, the lease is given back, and a deleted object may go. */
import { sentence } from '../../api/reasons.ts'
import type { Draft } from './draft.ts'
import { ensureFleetConfig } from './fleet-config.ts'
import type { Observed } from './observed.ts'

export function end(draft: Draft, observed: Observed): void {
  const { status } = draft
  const set = status.phase === 'Completed' ? 'targets' : 'sources'
  // A fleet that was never told of the migration, or was seen to follow it to its end, is left alone: what it runs from then on is for
  // whoever comes after to say.
  const told = status.fleetConfig !== undefined
  draft.say(reasonOf(draft), status.halt && status.phase === 'Failed' ? `Cause: ${status.halt.message}` : undefined)
  if (told && !ensureFleetConfig(draft, observed, set)) {
    // Once told, pods that do not answer need not be waited for: they read it when they start.
    if (status.fleetConfig && observed.pods.length > 0) status.message += ` ${sentence('FleetNotConfigured')}`
    return
  }
  if (observed.pods.length > 0) status.fleetConfig = undefined
  draft.actions.push({ kind: 'release' })
  if (observed.deletionRequested) draft.actions.push({ kind: 'forget' })
}

function reasonOf({ status }: Draft): 'MigrationComplete' | 'RolledBack' | 'Stopped' {
  if (status.phase === 'Completed') return 'MigrationComplete'
  return status.migrationId === undefined ? 'Stopped' : 'RolledBack'
}
