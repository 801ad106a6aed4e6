/**
 * Decides about a policy (pure): from the object, what the fleet's pods run and the gates, the next status and the actions to take.
 * Level-based: what is rolled out is what the pods report, so whoever takes over goes on.
 *
 * Invariants: pods start with what has passed its gates, and nothing else; a revision that failed is not tried again by itself; a policy
 * that pods cannot carry out is never called ready, whatever they were given.
 */
import { policiesRevisionOf } from '@fractal-lba/protocol/config/policies'
import { problemsText } from '../../api/validate.ts'
import { takeMeasurement } from '../../rollout/watch.ts'
import { Draft } from './draft.ts'
import type { Decided, FleetView, Observed } from './observed.ts'
import { plan } from './planning.ts'
import { report } from './report.ts'
import { revert, roll, settle } from './rolling.ts'
import { startOver } from './starting-over.ts'
import { takeVerbs } from './verbs.ts'
import { watchSettings } from './watch-settings.ts'
import { withdraw } from './withdrawing.ts'

/** Pods that come, go, start again or become ready wake their policies; what else may have happened to what they run is seen by then. */
const SETTLED_POLL_MS = 300_000
/** Settled, but for a pod that does not say what it runs. */
const INCOMPLETE_POLL_MS = 30_000
const WAITING_POLL_MS = 2_000
const MOVING_POLL_MS = 1_000

export function decide(observed: Observed): Decided {
  const draft = new Draft(observed)
  takeSpec(draft)
  takeVerbs(draft)
  const { measurement, spec } = observed
  if (measurement && spec && draft.status.rollout)
    draft.watch = takeMeasurement(watchSettings(spec), draft.watch, measurement, draft.nowMs)
  if (!observed.deletionRequested || !withdraw(draft)) follow(draft)
  report(draft)
  return { status: draft.status, actions: draft.actions, requeueAfterMs: nextLookMs(draft) }
}

function follow(draft: Draft): void {
  const { status, observed } = draft
  const { fleet, spec, wanted } = observed
  if (!spec) {
    draft.enter('Failed', 'SpecInvalid', status.specProblems)
    draft.stall('SpecInvalid', status.specProblems)
    return
  }
  if (observed.conflict !== undefined) {
    draft.enter('Failed', 'PolicyConflict', `(${observed.conflict})`)
    draft.stall('PolicyConflict', `(${observed.conflict})`)
    return
  }
  if (fleet.kind === 'missing') {
    draft.enter('Pending', fleet.reason, `(${fleet.message})`)
    // A fleet may be installed yet; several will not become one.
    if (fleet.reason === 'FleetAmbiguous') draft.stall('FleetAmbiguous', `(${fleet.message})`)
    else draft.say('FleetNotFound', `(${fleet.message})`)
    return
  }
  if (fleet.kind === 'unreachable' || wanted === undefined) {
    draft.say('FleetUnreachable', fleet.kind === 'unreachable' ? `(${fleet.message})` : undefined)
    return
  }
  if (fleet.fencedBy !== undefined) {
    // Said in full, since a Lease that was deleted begins to count anew and looks just like a leader that was deposed.
    draft.say(
      'Fenced',
      `(pods have seen epoch ${fleet.fencedBy}, this one is ${observed.epoch}; where no other operator leads, the Lease was deleted: set its spec.leaseTransitions to ${fleet.fencedBy})`,
    )
    return
  }
  followFleet(draft, fleet, policiesRevisionOf(wanted))
}

function followFleet(draft: Draft, fleet: Extract<FleetView, { kind: 'found' }>, revision: string): void {
  const { status, observed } = draft
  const reverting = status.rollout?.reverting || status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort'
  if (!reverting && fleet.stable.revision === revision) {
    settle(draft, fleet)
    return
  }
  if (observed.waitsFor !== undefined) {
    draft.say('WaitingForOtherPolicy', `(${observed.waitsFor})`)
    return
  }
  if (reverting) {
    revert(draft, fleet)
    return
  }
  if (!plan(draft, fleet, revision)) return
  roll(draft, fleet, revision)
}

function takeSpec(draft: Draft): void {
  const { status, observed } = draft
  const problems = problemsText(observed.problems)
  if (problems !== status.specProblems) {
    status.specProblems = problems
    if (problems) draft.event('Warning', 'SpecInvalid', problems)
  }
  if (observed.generation === status.observedGeneration || observed.problems.length > 0) return
  if (status.halt || status.phase === 'Failed' || status.phase === 'RolledBack') startOver(draft)
  status.observedGeneration = observed.generation
}

function nextLookMs({ status, ready, stalled, observed }: Draft): number {
  const moving = status.rollout !== undefined && status.rollout.endedAt === undefined && status.halt?.kind !== 'Freeze'
  if (moving) return Math.min(MOVING_POLL_MS, (observed.spec?.gates.intervalSeconds ?? 1) * 1000)
  if ((!ready && stalled === undefined) || observed.deletionRequested) return WAITING_POLL_MS
  const { fleet } = observed
  const complete = fleet.kind === 'found' && fleet.pods.every(({ problem }) => problem === undefined)
  return complete ? SETTLED_POLL_MS : INCOMPLETE_POLL_MS
}
