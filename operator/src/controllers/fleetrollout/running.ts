/** One revision on its way through the pods: begun, stepped, watched, and stopped where it does harm. Pure. */
import { decideRollout, type RolloutMove } from '../../rollout/rollout.ts'
import { type StepTarget, sizedTargets } from '../../rollout/steps.ts'
import type { Judgement } from '../../rollout/verdict.ts'
import { type Measurement, takeMeasurement } from '../../rollout/watch.ts'
import { brokenPod } from './broken-pods.ts'
import type { Draft } from './draft.ts'
import { type Cause, halt } from './halt.ts'
import { HOLD } from './observed.ts'
import type { FleetWorkload, WorkloadPod } from './port.ts'
import type { RolloutSettings } from './settings.ts'
import { MAX_ILL_BEFORE } from './status.ts'

/** @param anew for a revision that was not tried before; else it goes on where it was blocked or taken back */
export function begin(draft: Draft, settings: RolloutSettings, anew: boolean): void {
  const { status, workload } = draft
  const { updateRevision, pods } = workload
  status.revision = updateRevision
  status.startedAt = draft.now
  // Where the status was lost, or it was blocked on its way, pods run it already.
  status.target = onNew(draft).length
  status.watchedTarget = -1
  for (const field of ['halt', 'endedAt', 'waitingSinceMs', 'noReturnAnnouncedMs', 'waived'] as const) delete status[field]
  status.illBefore = pods
    .map((pod) => pod.name)
    .filter((name) => isIll(name, workload))
    .slice(0, MAX_ILL_BEFORE)
  status.steps = targetsOf(draft, settings).map((target) => target.units)
  draft.watchAfresh()
  if (anew) status.phase = 'Idle'
  draft.enter('Progressing', 'RolloutStarted', `(${updateRevision}, steps of ${status.steps.join(', ')} pods)`)
}

export function progress(draft: Draft, settings: RolloutSettings, measurement: Measurement | undefined): void {
  const { status, workload } = draft
  const updated = onNew(draft)
  const ready = updated.filter((pod) => pod.ready && !pod.terminating)
  if (workload.replicas !== status.replicas) followReplicas(draft, settings, updated.length)
  // Who has recovered, or runs the new revision by now, is looked at like any other.
  status.illBefore = status.illBefore.filter((name) => isIll(name, workload))
  if (measurement) status.watch = takeMeasurement(settings.watch, status.watch, measurement, draft.nowMs)
  noteWaiting(draft, ready.length)
  if (status.phase === 'Frozen') {
    draft.say('Frozen', status.halt && `Cause: ${status.halt.message}`)
    draft.partition(partitionOf(draft))
    return
  }
  const cause = causeToStop(draft, settings, updated)
  if (cause) {
    stop(draft, settings, cause)
    return
  }
  const targets = targetsOf(draft, settings)
  const move = decideRollout(
    { targets, stepMs: settings.watch.stepMs, onGateFailure: settings.onGateFailure },
    { applied: ready.length, target: status.target, watchingSinceMs: status.watch.fromMs, reverting: false },
    ready.length >= status.target ? judgementOf(draft) : { kind: 'pass' },
    status.paused,
    draft.nowMs,
  )
  perform(draft, settings, move, targets)
}

/** Nothing is applied yet, so there is nothing to judge: what ails a fleet before a rollout may be what the rollout cures. */
function judgementOf({ status }: Draft): Judgement {
  return status.target === 0 ? { kind: 'pass' } : status.watch.judgement
}

function perform(draft: Draft, settings: RolloutSettings, move: RolloutMove, targets: readonly StepTarget[]): void {
  const { status, workload } = draft
  const of = `${status.updated} of ${workload.replicas} pods run ${status.revision}`
  switch (move.kind) {
    case 'apply':
      if (move.step.units > status.target && !announced(draft, settings, move.step, targets)) break
      apply(draft, move.step, of)
      break
    case 'watch':
      if (status.paused) draft.say('Paused', `(${of})`)
      else draft.say('StepWatched', `(${of}; ${explained(draft, move.why)})`)
      break
    case 'done':
      draft.say('StepWatched', `(${of}; waiting for the StatefulSet to take it for its own)`)
      break
    default:
      throw new Error(`a rollout that is not being taken back cannot be to ${move.kind}: failures were looked at before`)
  }
  draft.partition(partitionOf(draft))
}

function partitionOf({ status, workload }: Draft): number {
  return status.target === 0 ? HOLD : Math.max(0, workload.replicas - status.target)
}

function apply(draft: Draft, step: StepTarget, of: string): void {
  const { status, workload } = draft
  if (step.units > status.target) {
    const { judgement } = status.watch
    const waived =
      status.target > 0 && judgement.kind === 'waived' ? `readiness alone was judged: ${judgement.reading.message}` : undefined
    if (waived !== undefined) status.waived = waived
    status.target = step.units
    status.waitingSinceMs = draft.nowMs
    draft.watchAfresh()
    const detail = `(to ${step.units} of ${workload.replicas} pods, ${status.revision}${waived === undefined ? '' : `; ${waived}`})`
    draft.decided('ApplyStep', 'StepApplied', detail)
    draft.event('Normal', 'StepApplied', detail)
  }
  draft.say('StepApplied', `(${of}; to ${step.units})`)
  // A StatefulSet that steps in order waits for a broken pod for ever, and would not replace it.
  const partition = workload.replicas - status.target
  for (const pod of workload.pods) {
    const old = pod.revision !== workload.updateRevision && pod.revision !== workload.currentRevision
    if (old && pod.ordinal >= partition && !pod.ready && !pod.terminating)
      draft.actions.push({ kind: 'delete-pod', pod, why: `it is not ready and runs ${pod.revision}, which was given up` })
  }
}

/** The last pod makes the StatefulSet forget the revision before: that is said, and kept as said, before it is done. */
function announced(draft: Draft, settings: RolloutSettings, step: StepTarget, targets: readonly StepTarget[]): boolean {
  const { status } = draft
  if (step.units < (targets.at(-1)?.units ?? 0)) return true
  const saidMs = status.noReturnAnnouncedMs
  if (saidMs !== undefined && draft.nowMs - saidMs >= Math.min(settings.watch.intervalMs, settings.watch.stepMs)) return true
  if (saidMs === undefined) {
    status.noReturnAnnouncedMs = draft.nowMs
    draft.decided('Announce', 'PointOfNoReturn')
    draft.event('Normal', 'PointOfNoReturn')
  }
  draft.say('PointOfNoReturn')
  return false
}

function causeToStop(draft: Draft, settings: RolloutSettings, updated: readonly WorkloadPod[]): Cause | undefined {
  const { status } = draft
  const waitingMs = status.waitingSinceMs === undefined ? undefined : draft.nowMs - status.waitingSinceMs
  const broken = brokenPod(updated, settings, status.paused && updated.length === 0 ? undefined : waitingMs)
  if (broken) return broken
  const { judgement } = status.watch
  if (judgement.kind !== 'fail' || status.target === 0) return undefined
  // While pods of the step are away, gates cannot pass; what they saw fail counts all the same.
  if (judgement.why === 'deadline' && (status.waitingSinceMs !== undefined || status.paused)) return undefined
  const { reading } = judgement
  const who = reading.subject === 'canary' ? `${reading.metric} of the canary` : reading.metric
  return {
    reason: judgement.why === 'deadline' ? 'DeadlineExceeded' : 'GateFailed',
    message: `(${who}: ${judgement.text})`,
    reading,
  }
}

function stop(draft: Draft, settings: RolloutSettings, cause: Cause): void {
  const { status } = draft
  const to = settings.onGateFailure === 'Freeze' ? 'Frozen' : 'RollingBack'
  halt(draft, to, cause)
  draft.say(to, `Cause: ${status.halt?.message}`)
  // Nobody is replaced any more; who runs the failed revision is put back from the next look on, when this is stored.
  draft.partition(to === 'RollingBack' ? HOLD : partitionOf(draft))
}

/** Since when the step waits for a pod, and since when it is watched. */
function noteWaiting(draft: Draft, ready: number): void {
  const { status } = draft
  const more = ready > status.updated
  status.updated = ready
  if (ready < status.target) {
    status.watchedTarget = -1
    if (status.waitingSinceMs === undefined || more) status.waitingSinceMs = draft.nowMs
    return
  }
  delete status.waitingSinceMs
  if (status.watchedTarget === status.target) return
  status.watchedTarget = status.target
  draft.watchAfresh()
}

/** Pods were added or taken away from above, where the new revision is: the step is what runs it now, and goes on from there. */
function followReplicas(draft: Draft, settings: RolloutSettings, updated: number): void {
  const { status, workload } = draft
  status.steps = targetsOf(draft, settings).map((target) => target.units)
  if (status.target === 0) return
  const wasLast = status.target === status.replicas
  status.target = Math.min(updated, wasLast ? workload.replicas : Math.max(0, workload.replicas - 1))
  status.watchedTarget = -1
}

function isIll(name: string, { pods, updateRevision }: FleetWorkload): boolean {
  return pods.some((pod) => pod.name === name && !pod.ready && pod.revision !== updateRevision)
}

/** Pods that the StatefulSet is about to remove do not count. */
function onNew({ workload }: Draft): WorkloadPod[] {
  return workload.pods.filter((pod) => pod.revision === workload.updateRevision && pod.ordinal < workload.replicas)
}

function targetsOf({ workload }: Draft, settings: RolloutSettings): StepTarget[] {
  return sizedTargets(settings.steps, workload.replicas, true)
}

/** Why a step is still watched: a gate that is let go is not shown as one that passed. */
function explained({ status }: Draft, why: string): string {
  const { judgement } = status.watch
  return judgement.kind === 'waived' ? `${why}; no request has reached the fleet, so readiness alone is judged` : why
}
