/** The parts of a status that follow from all others: progress, conditions, whether there is a way back. */
import { type ConditionClaim, type ConditionType, nextConditions } from '../../api/conditions.ts'
import { durationText } from '../../api/duration.ts'
import { type Reason, sentence } from '../../api/reasons.ts'
import type { Phase, ShardMigrationStatus } from '../../api/status.ts'
import { type Draft, isTerminal } from './draft.ts'
import type { Observed, RunningView } from './observed.ts'

const ORDER: readonly Phase[] = ['Pending', 'Planning', 'Copying', 'Verifying', 'DualWrite', 'Cutover', 'Cleanup', 'Completed']

export function report(draft: Draft, observed: Observed): void {
  const { status } = draft
  const view = observed.engine.kind === 'running' ? observed.engine.view : undefined
  if (status.specProblems && observed.spec && !isTerminal(status.phase)) {
    status.message = `${sentence('SpecInvalid', status.specProblems)}. Until then the last accepted spec is used. ${status.message}`
  }
  if (view) {
    status.progress = progressOf(status, view)
    status.reverseLagSeconds = Math.round(view.lagMs / 100) / 10
  }
  const reversible = reversibleClaim(status, observed, view)
  status.reversible = reversible.status === 'True'
  status.conditions = nextConditions(
    status.conditions,
    claims(draft, observed, reversible),
    status.observedGeneration,
    draft.nowMs,
  )
}

function progressOf(status: ShardMigrationStatus, view: RunningView): ShardMigrationStatus['progress'] {
  const total = view.totalSlots || 1
  // Of the whole way: copying is most of it, then the comparison, then the cutover.
  const forward = 70 * (view.slotsCopied / total) + 10 * (view.slotsVerified / total) + 20 * (view.slotsAtTarget / total)
  const percentage = status.phase === 'Completed' ? 100 : Math.min(99.9, Math.round(forward * 10) / 10)
  const left = view.totalKeys - view.keysCopied
  const seconds = status.phase === 'Copying' && view.keysPerSecond ? left / view.keysPerSecond : undefined
  return {
    keysCopied: view.keysCopied,
    totalKeys: view.totalKeys,
    bytesCopied: view.bytesCopied,
    percentage,
    estimatedTimeRemaining: seconds === undefined || seconds < 0 ? '' : durationText(seconds),
  }
}

function claims(draft: Draft, observed: Observed, reversible: ConditionClaim): Record<ConditionType, ConditionClaim> {
  const { status, reason } = draft
  const terminal = isTerminal(status.phase)
  const dryRunDone = reason === 'DryRunComplete'
  const failed = status.phase === 'Failed' ? reasonOfFailure(status, observed) : undefined
  const stalled = failed ?? draft.stalled
  const detail = status.halt && (failed === 'RolledBack' ? `Cause: ${status.halt.message}` : status.halt.message)
  return {
    Ready:
      status.phase === 'Completed'
        ? claim('True', 'MigrationComplete')
        : dryRunDone
          ? claim('True', 'DryRunComplete')
          : claim('False', stalled ?? reason, failed ? detail : undefined),
    Reconciling:
      terminal || dryRunDone || stalled
        ? claim('False', terminal || stalled ? (stalled ?? 'MigrationComplete') : reason)
        : claim('True', reason),
    // Why it will not get further by itself; that it was undone is what Ready says.
    Stalled: stalled ? claim('True', (failed && status.halt?.reason) ?? stalled, status.halt?.message) : claim('False', reason),
    Paused: status.paused || observed.spec?.paused ? claim('True', 'Paused') : claim('False', 'Resumed'),
    PlanApproved: approvedClaim(status, observed),
    GatePassed: gateClaim(status),
    CopyComplete: milestoneClaim(status, observed, 'Verifying'),
    Verified: milestoneClaim(status, observed, 'DualWrite'),
    DualWriting: dualWritingClaim(status),
    CutOver:
      status.phase === 'Completed' || status.phase === 'Cleanup' || ['certified', 'cleaned'].includes(status.target.upTo)
        ? undoneOr(status, claim('True', 'Done'))
        : undoneOr(status, claim('False', status.phase === 'Cutover' ? 'CuttingOver' : 'NotStarted')),
    Reversible: reversible,
  }
}

/** What has become of it, first; why is in the message. */
function reasonOfFailure({ halt, migrationId }: ShardMigrationStatus, { spec }: Observed): Reason {
  if (migrationId !== undefined && (halt?.kind === 'Rollback' || halt?.kind === 'Abort')) return 'RolledBack'
  return halt?.reason ?? (spec ? 'Stopped' : 'SpecInvalid')
}

const claim = (status: ConditionClaim['status'], reason: Reason, detail?: string): ConditionClaim => ({
  status,
  reason,
  ...(detail ? { detail } : {}),
})

function undoneOr(status: ShardMigrationStatus, otherwise: ConditionClaim): ConditionClaim {
  const undone = status.phase === 'RollingBack' || (status.phase === 'Failed' && status.migrationId !== undefined)
  return undone ? claim('False', 'Undone') : otherwise
}

function milestoneClaim(status: ShardMigrationStatus, _observed: Observed, reachedAt: Phase): ConditionClaim {
  if (ORDER.indexOf(status.phase) >= ORDER.indexOf(reachedAt)) return claim('True', 'Done')
  return undoneOr(
    status,
    claim('False', status.phase === 'Copying' || status.phase === 'Verifying' ? 'InProgress' : 'NotStarted'),
  )
}

function dualWritingClaim(status: ShardMigrationStatus): ConditionClaim {
  if (status.phase === 'Completed' || status.phase === 'Cleanup') return claim('False', 'Done')
  const flowing = ['Copying', 'Verifying', 'DualWrite', 'Cutover'].includes(status.phase)
  return flowing ? claim('True', 'DualWriting') : undoneOr(status, claim('False', 'NotStarted'))
}

function approvedClaim(status: ShardMigrationStatus, { spec }: Observed): ConditionClaim {
  if (status.planHash === undefined) return claim('Unknown', 'PlanPending')
  const approved = status.migrationId !== undefined || spec?.approval === 'Auto' || status.approvedHash === status.planHash
  return approved ? claim('True', 'Approved', `(${status.planHash})`) : claim('False', 'AwaitingApproval', `(${status.planHash})`)
}

function gateClaim({ judgement }: ShardMigrationStatus): ConditionClaim {
  switch (judgement.kind) {
    case 'pass':
      return claim('True', 'GatesPassed')
    case 'fail':
      return claim(
        'False',
        judgement.why === 'failures' ? 'GateFailed' : 'DeadlineExceeded',
        `(${judgement.reading.metric}: ${judgement.text})`,
      )
    case 'waived':
      return claim(
        'Unknown',
        'GateNoData',
        `(${judgement.reading.metric}: ${judgement.reading.message}; spec.gates.onNoData lets it pass)`,
      )
    case 'hold': {
      const detail = judgement.reading && `(${judgement.reading.metric}: ${judgement.reading.message})`
      if (judgement.why === 'failing') return claim('False', 'GateFailed', detail)
      return claim('Unknown', judgement.why === 'error' ? 'GateError' : 'GateNoData', detail)
    }
  }
}

function reversibleClaim(status: ShardMigrationStatus, { spec }: Observed, view: RunningView | undefined): ConditionClaim {
  if (status.phase === 'Completed' || status.phase === 'Cleanup' || status.target.upTo === 'cleaned' || view?.pastNoReturn)
    return claim('False', 'PointOfNoReturn')
  if (status.migrationId === undefined || status.phase === 'Failed') return claim('False', 'NothingToRollBack')
  if (!view) return claim('Unknown', 'BackendUnreachable')
  const lagging = spec !== undefined && view.lagMs > spec.maxLagSeconds * 1000
  return lagging ? claim('False', 'ReverseLagging', `(${(view.lagMs / 1000).toFixed(1)} s behind)`) : claim('True', 'CanRollBack')
}
