/**
 * Decides about a `ShardMigration` (pure): from everything that was observed, the next status and the actions to take. Level-based:
 * it may be asked at any time, again and again, by this process or its successor, and what was done already is not done differently.
 *
 * The order is the order of urgency: what the user changed, what the gates say, then whatever the phase needs.
 */
import { problemsText } from '../../api/validate.ts'
import { judge } from '../../rollout/verdict.ts'
import { Draft, freshStatus, isTerminal } from './draft.ts'
import { end } from './ending.ts'
import { intentOf } from './intent.ts'
import type { Decided, Observed } from './observed.ts'
import { planAndStart } from './planning.ts'
import { report } from './report.ts'
import { haltByGates, run } from './running.ts'
import { startOver, takeVerbs, unfreeze } from './verbs.ts'

export function decide(observed: Observed): Decided {
  const draft = new Draft(observed.status ?? freshStatus(observed.generation, 1, observed.nowMs), observed.nowMs)
  const asked = JSON.stringify(intentOf(draft.status, observed.spec))
  takeSpec(draft, observed)
  takeVerbs(draft, observed)
  takeMeasurement(draft, observed)
  const deleted = observed.deletionRequested && takeDeletion(draft, observed)
  if (!deleted) {
    // What the engine said was about the intent of the status as it was; when that has changed, it is asked anew.
    const current = JSON.stringify(intentOf(draft.status, observed.spec)) === asked
    followPhase(draft, observed, current)
  }
  report(draft, observed)
  const intervalMs = (observed.spec?.gates.intervalSeconds ?? 5) * 1000
  const resting = isTerminal(draft.status.phase) && !draft.waiting && !draft.actions.some((action) => action.kind === 'configure')
  return { status: draft.status, actions: draft.actions, requeueAfterMs: resting ? undefined : intervalMs }
}

function followPhase(draft: Draft, observed: Observed, current: boolean): void {
  const { status } = draft
  if (!observed.spec) {
    draft.enter('Failed', 'SpecInvalid', status.specProblems)
    draft.stalled = 'SpecInvalid'
    draft.say('SpecInvalid', status.specProblems)
    return
  }
  if (isTerminal(status.phase)) {
    end(draft, observed)
    return
  }
  const { engine } = observed
  switch (engine.kind) {
    case 'unreachable':
      haltByGates(draft, observed)
      draft.say('BackendUnreachable', `(${engine.message})`)
      draft.waiting = true
      draft.stalled =
        draft.nowMs - status.lastProgress.atMs > observed.spec.progressDeadlineSeconds * 1000 ? 'BackendUnreachable' : undefined
      return
    case 'no-fleet':
      draft.say(engine.reason, `(${engine.message})`)
      draft.stalled = engine.reason
      return
    case 'lease-elsewhere':
      draft.waiting = true
      draft.say('WaitingForLease', `(${engine.message})`)
      return
    case 'not-needed':
      if (observed.waitsFor === undefined) return
      draft.waiting = true
      draft.say('WaitingForOtherMigration', `(${observed.waitsFor})`)
      return
    case 'unstarted':
      planAndStart(draft, observed, engine.plan)
      return
    case 'running':
      run(draft, observed, engine.view, engine.stopped, current)
      return
  }
}

function takeSpec(draft: Draft, observed: Observed): void {
  const { status } = draft
  const problems = problemsText(observed.problems)
  if (problems !== status.specProblems) {
    status.specProblems = problems
    if (problems) draft.event('Warning', 'SpecInvalid', problems)
  }
  if (observed.generation === status.observedGeneration || observed.problems.length > 0) return
  if (isTerminal(status.phase)) startOver(draft, observed.generation)
  else if (status.halt?.kind === 'Freeze') unfreeze(draft)
  status.observedGeneration = observed.generation
}

/** Gates are measured in every phase that changes something, paused or not, and judged with the failures of before. */
function takeMeasurement(draft: Draft, { measurement, spec }: Observed): void {
  const { status } = draft
  if (!measurement || !spec || isTerminal(status.phase)) return
  const settling = draft.nowMs - status.watchFromMs < spec.gates.windowSeconds * 1000
  const policy = {
    failures: spec.gates.failures,
    of: spec.gates.of,
    onNoData: spec.gates.onNoData,
    deadlineMs: spec.progressDeadlineSeconds * 1000,
  }
  const { tracks, judgement } = judge(policy, status.gateTracks, measurement.readings, draft.nowMs, settling)
  if (judgement.kind !== status.judgement.kind) {
    const reason =
      judgement.kind === 'pass'
        ? 'GatesPassed'
        : judgement.kind === 'fail' || (judgement.kind === 'hold' && judgement.why === 'failing')
          ? 'GateFailed'
          : 'GateNoData'
    status.gates = measurement.readings
    draft.decided(
      `Gates${judgement.kind[0]?.toUpperCase()}${judgement.kind.slice(1)}`,
      reason,
      'reading' in judgement ? judgement.reading?.message : undefined,
    )
  }
  status.gates = measurement.readings
  status.gateTracks = tracks
  status.judgement = judgement
  if (measurement.p95Ms !== undefined && status.migrationId !== undefined) {
    draft.actions.push({ kind: 'throttle', p95Ms: measurement.p95Ms, limitMs: spec.healthGates.maxLatencyP95 })
  }
}

/** @returns true when nothing is left to be decided about the object. */
function takeDeletion(draft: Draft, observed: Observed): boolean {
  const { status } = draft
  // What was begun on a fleet that is gone, as with its whole namespace, can be neither undone nor finished: waiting would be for ever.
  const policy = observed.fleetExists ? (observed.spec?.deletionPolicy ?? 'Orphan') : 'Orphan'
  const untouched = status.migrationId === undefined && observed.engine.kind !== 'running'
  const running = !untouched && !isTerminal(status.phase)
  if (running && policy !== 'Orphan') {
    if (policy === 'Finish') {
      if (status.halt?.kind === 'Freeze') unfreeze(draft)
      status.paused = false
    } else if (status.target.upTo !== 'cleaned' && (status.halt === undefined || status.halt.kind === 'Freeze')) {
      draft.halt('Abort', 'Deleted', '(Abort)')
      status.paused = false
    }
    return false
  }
  // A fleet that was told of more shards than it needs is told so before the object goes.
  const union = status.fleetConfig?.shards === 'union'
  if (policy !== 'Orphan' && union) {
    if (!isTerminal(status.phase)) {
      draft.enter('Failed', 'Deleted')
      status.endedAt = draft.now
    }
    return false
  }
  const left = observed.fleetExists
    ? '(Orphan: the shards stay as they are)'
    : '(Its fleet is gone: the shards stay as they are.)'
  draft.event(running && !observed.fleetExists ? 'Warning' : 'Normal', 'Deleted', running ? left : '')
  draft.say('Deleted')
  draft.actions.push({ kind: 'release' }, { kind: 'forget' })
  return true
}
