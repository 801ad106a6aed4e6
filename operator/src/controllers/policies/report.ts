/** The parts of a policy's status that follow from all others. Pure. */
import { type ConditionClaim, nextConditions } from '../../api/conditions.ts'
import { type Reason, sentence } from '../../api/reasons.ts'
import type { Draft } from './draft.ts'

export function report(draft: Draft): void {
  const { status, observed } = draft
  if (status.specProblems && observed.spec)
    status.message = `${sentence('SpecInvalid', status.specProblems)}. Until then the last accepted spec is used. ${status.message}`
  status.active = draft.ready
  const claims: Record<string, ConditionClaim> = { ...commonClaims(draft), ...observed.ownClaims }
  status.conditions = nextConditions(status.conditions, claims, status.observedGeneration, draft.nowMs)
}

function commonClaims(draft: Draft): Record<string, ConditionClaim> {
  const { status, observed, reason, stalled, ready } = draft
  const dryRunDone = reason === 'DryRunComplete'
  const detail = status.halt?.message ?? detailOf(status.message, stalled ?? reason)
  return {
    Ready: ready
      ? claim('True', 'PolicyActive')
      : dryRunDone
        ? claim('True', 'DryRunComplete')
        : claim('False', stalled ?? reason, detail),
    Reconciling: ready || dryRunDone || stalled ? claim('False', stalled ?? reason) : claim('True', reason, detail),
    Stalled: stalled ? claim('True', stalled, detail) : claim('False', reason),
    Paused: status.paused || observed.spec?.paused ? claim('True', 'Paused') : claim('False', 'Resumed'),
    PlanApproved: approvedClaim(draft),
    GatePassed: gateClaim(draft),
  }
}

const claim = (status: ConditionClaim['status'], reason: Reason, detail?: string): ConditionClaim => ({
  status,
  reason,
  ...(detail ? { detail } : {}),
})

/** What the message says beyond the sentence of its reason. */
function detailOf(message: string, reason: Reason): string | undefined {
  const plain = sentence(reason)
  return message.startsWith(plain) ? message.slice(plain.length).trim() || undefined : undefined
}

function approvedClaim({ status, observed }: Draft): ConditionClaim {
  if (status.planHash === undefined) return claim('Unknown', 'PlanPending')
  const approved =
    status.rollout?.revision === status.plan?.revision ||
    observed.spec?.approval === 'Auto' ||
    status.approvedHash === status.planHash
  return approved ? claim('True', 'Approved', `(${status.planHash})`) : claim('False', 'AwaitingApproval', `(${status.planHash})`)
}

function gateClaim({ status }: Draft): ConditionClaim {
  const { judgement } = status
  const said =
    'reading' in judgement && judgement.reading ? `(${judgement.reading.metric}: ${judgement.reading.message})` : undefined
  switch (judgement.kind) {
    case 'pass':
      return claim('True', 'GatesPassed')
    case 'waived':
      return claim('Unknown', 'GateNoData', `${said}, and let pass`)
    case 'fail':
      return claim('False', judgement.why === 'failures' ? 'GateFailed' : 'DeadlineExceeded', said)
    case 'hold':
      if (judgement.why === 'failing') return claim('False', 'GateFailed', said)
      return claim(
        'Unknown',
        judgement.why === 'error' ? 'GateError' : judgement.why === 'no-data' ? 'GateNoData' : 'NotMeasured',
        said,
      )
  }
}
