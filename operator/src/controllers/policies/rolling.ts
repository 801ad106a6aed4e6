/** A revision on its way through the pods, forth or back, and what is seen to once it is on all of them. Pure. */
import type { Policies } from '@fractal-lba/protocol/config/policies'
import { decideRollout } from '../../rollout/rollout.ts'
import { type StepTarget, stepTargets } from '../../rollout/steps.ts'
import type { Draft } from './draft.ts'
import type { RolledOutSpec } from './objects.ts'
import type { FleetView, PodView } from './observed.ts'

type Fleet = Extract<FleetView, { kind: 'found' }>

export function roll(draft: Draft, fleet: Fleet, revision: string): void {
  const { status, observed } = draft
  const spec = observed.spec as RolledOutSpec
  const updated = fleet.pods.filter((pod) => pod.runs?.revision === revision).length
  const total = fleet.pods.length
  if (status.rollout?.revision !== revision || status.rollout.endedAt !== undefined) begin(draft, fleet, revision, updated)
  count(draft, updated, total)
  if (status.halt?.kind === 'Freeze') {
    draft.stall('Frozen', `Cause: ${status.halt.message}`)
    distribute(draft, fleet)
    return
  }
  if (stopWhereNeeded(draft, spec)) {
    if (draft.status.rollout?.reverting) revert(draft, fleet)
    return
  }
  const rollout = status.rollout as NonNullable<typeof status.rollout>
  const move = decideRollout(
    { targets: stepTargets(spec.steps, total), stepMs: spec.stepSeconds * 1000, onGateFailure: spec.onGateFailure },
    { applied: updated, target: Math.min(rollout.targetPods, total), watchingSinceMs: rollout.watchingSinceMs, reverting: false },
    // Nothing was changed yet, or there is nothing to change: no gate can speak of it.
    rollout.targetPods === 0 || updated < rollout.targetPods ? { kind: 'pass' } : status.judgement,
    isPaused(draft),
    draft.nowMs,
  )
  if (move.kind === 'apply') apply(draft, move.step, total)
  if (move.kind === 'watch')
    draft.say(isPaused(draft) ? 'Paused' : 'RevisionProgressing', `(${updated} of ${total} pods; ${move.why})`)
  if (move.kind === 'done') {
    finish(draft, revision)
    return
  }
  distribute(draft, fleet)
}

function begin(draft: Draft, fleet: Fleet, revision: string, updated: number): void {
  const { status } = draft
  status.rollout = {
    revision,
    previousRevision: fleet.stable.revision,
    podsUpdated: updated,
    podsTotal: fleet.pods.length,
    targetPods: updated,
    stepPercent: 0,
    watchingSinceMs: undefined,
    reverting: false,
    startedAt: draft.now,
    endedAt: undefined,
  }
  status.lastProgress = { mark: 'begun', atMs: draft.nowMs }
  draft.watchAfresh()
  draft.enter('Progressing', 'RevisionProgressing', `(${revision}, after ${fleet.stable.revision})`)
  status.reversible = true
}

/** What was reached, and since when that is watched. */
function count(draft: Draft, updated: number, total: number): void {
  const { status } = draft
  const before = status.rollout as NonNullable<typeof status.rollout>
  const reached = updated >= Math.min(before.targetPods, total)
  const began = reached && before.watchingSinceMs === undefined
  if (began) draft.watchAfresh()
  status.rollout = {
    ...before,
    podsUpdated: updated,
    podsTotal: total,
    watchingSinceMs: reached ? (before.watchingSinceMs ?? draft.nowMs) : undefined,
  }
  status.progress = { percentage: total === 0 ? 100 : Math.round((updated / total) * 100) }
  const mark = `${updated}/${before.targetPods}/${reached}`
  const waits = isPaused(draft) || reached
  if (mark !== status.lastProgress.mark || waits) status.lastProgress = { mark, atMs: draft.nowMs }
}

/** What is deleted is brought to its end, paused or not. */
const isPaused = ({ status, observed }: Draft): boolean =>
  !observed.deletionRequested && (status.paused || (observed.spec?.paused ?? false))

/** @returns whether the rollout does not go on. */
function stopWhereNeeded(draft: Draft, spec: RolledOutSpec): boolean {
  const { status, nowMs } = draft
  const { judgement } = status
  const rollout = status.rollout as NonNullable<typeof status.rollout>
  const kind = spec.onGateFailure
  if (rollout.targetPods > 0 && judgement.kind === 'fail' && !(judgement.why === 'deadline' && isPaused(draft))) {
    const reason = judgement.why === 'failures' ? 'GateFailed' : 'DeadlineExceeded'
    const who = judgement.reading.subject === 'canary' ? `${judgement.reading.metric} of the canary` : judgement.reading.metric
    draft.halt(kind, reason, `(${who}: ${judgement.text})`, judgement.reading)
  } else if (nowMs - status.lastProgress.atMs > spec.progressDeadlineSeconds * 1000) {
    draft.halt(
      kind,
      'DeadlineExceeded',
      `(${rollout.podsUpdated} of ${rollout.targetPods} pods of the step run ${rollout.revision})`,
    )
  } else return false
  if (kind === 'Rollback') takeBack(draft)
  else draft.stall('Frozen', `Cause: ${status.halt?.message}`)
  return true
}

/** From here on the pods are given what was before. */
export function takeBack({ status }: Draft): void {
  if (status.rollout) status.rollout = { ...status.rollout, reverting: true, watchingSinceMs: undefined }
  status.paused = false
}

function apply(draft: Draft, step: StepTarget, total: number): void {
  const { status } = draft
  const rollout = status.rollout as NonNullable<typeof status.rollout>
  const detail = `(to ${step.units} of ${total} pods, ${step.percent} %)`
  draft.say('RevisionProgressing', detail)
  if (step.units <= rollout.targetPods) return
  status.rollout = { ...rollout, targetPods: step.units, stepPercent: step.percent, watchingSinceMs: undefined }
  draft.watchAfresh()
  draft.decided('ApplyStep', 'RevisionProgressing', detail)
  draft.event('Normal', 'RevisionProgressing', detail)
}

/** Each pod is given what it should run now: those of the step the new revision, the others what was before. */
function distribute(draft: Draft, fleet: Fleet): void {
  const { status, observed } = draft
  const { revision, targetPods } = status.rollout as NonNullable<typeof status.rollout>
  const has = fleet.pods.filter((pod) => pod.runs?.revision === revision)
  const others = fleet.pods.filter((pod) => !has.includes(pod))
  const chosen = [...has, ...others.slice(0, Math.max(0, targetPods - has.length))]
  give(draft, chosen, observed.wanted as Policies)
  give(
    draft,
    fleet.pods.filter((pod) => !chosen.includes(pod)),
    fleet.stable.policies,
  )
}

function give(draft: Draft, pods: readonly PodView[], policies: Policies): void {
  const push = draft.pushOf(policies)
  const lacking = pods.filter((pod) => pod.runs && (pod.runs.revision !== push.revision || pod.runs.epoch < push.epoch))
  if (lacking.length > 0) draft.actions.push({ kind: 'push', pods: lacking.map((pod) => pod.name), push })
}

/** It has passed on every pod: from here on new pods start with it, and there is nothing to go back to. */
function finish(draft: Draft, revision: string): void {
  const { status, observed } = draft
  draft.decided('KeepStable', 'RevisionProgressing', `(${revision} passed on all pods)`)
  draft.actions.push({ kind: 'keep-stable', push: draft.pushOf(observed.wanted as Policies) })
  draft.say('RevisionProgressing', '(it passed on all pods)')
  status.reversible = false
}

/** The pods' way back to what has passed its gates. */
export function revert(draft: Draft, fleet: Fleet): void {
  const { status } = draft
  const left = fleet.pods.filter((pod) => pod.runs && pod.runs.revision !== fleet.stable.revision)
  give(draft, fleet.pods, fleet.stable.policies)
  const cause = status.halt ? `Cause: ${status.halt.message}` : undefined
  if (left.length > 0) {
    status.progress = { percentage: Math.round((left.length / Math.max(1, fleet.pods.length)) * 100) }
    draft.say('RevisionProgressing', `(being taken back: ${left.length} of ${fleet.pods.length} pods left) ${cause ?? ''}`.trim())
    return
  }
  status.progress = { percentage: 0 }
  status.reversible = false
  if (status.rollout) {
    status.rollout = {
      ...status.rollout,
      reverting: false,
      podsUpdated: 0,
      targetPods: 0,
      stepPercent: 0,
      endedAt: status.rollout.endedAt ?? draft.now,
    }
  }
  draft.say('RevisionProgressing', '(what was begun before is taken back; the new revision comes next)')
  if (!status.halt) return
  draft.enter('RolledBack', 'RevisionRolledBack', cause)
  draft.stall('RevisionRolledBack', cause)
}

/** Every pod is seen to run what has passed, those that start later too; whether that does anything is up to what pods can. */
export function settle(draft: Draft, fleet: Fleet): void {
  const { status, observed } = draft
  const total = fleet.pods.length
  const answering = fleet.pods.filter((pod) => pod.runs !== undefined)
  // While another policy is rolled out, its pods run more than what has passed: this policy's part is the same in both.
  const alone = observed.waitsFor === undefined
  const behind = alone ? answering.filter((pod) => pod.runs?.revision !== fleet.stable.revision) : []
  if (alone) give(draft, fleet.pods, fleet.stable.policies)
  if (alone && fleet.stable.epoch < observed.epoch)
    draft.actions.push({ kind: 'keep-stable', push: draft.pushOf(fleet.stable.policies) })
  status.halt = undefined
  status.reversible = false
  status.progress = { percentage: total === 0 ? 100 : Math.round(((total - behind.length) / total) * 100) }
  if (status.rollout && status.rollout.endedAt === undefined)
    status.rollout = {
      ...status.rollout,
      podsUpdated: total - behind.length,
      podsTotal: total,
      reverting: false,
      endedAt: draft.now,
    }
  const unable = answering.filter((pod) => !pod.capabilities.includes(observed.capability))
  if (total === 0) {
    draft.say('RevisionProgressing', '(the fleet has no pods; those that start get it)')
  } else if (answering.length === 0) {
    draft.say('FleetUnreachable', `(${fleet.pods[0]?.name}: ${fleet.pods[0]?.problem})`)
  } else if (unable.length > 0) {
    const named = `${unable[0]?.name}${unable.length > 1 ? ` and ${unable.length - 1} more` : ''}`
    const detail = `(${named} cannot "${observed.capability}")`
    draft.enter('Pending', 'NotSupportedByFleet', detail)
    draft.stall('NotSupportedByFleet', detail)
  } else if (behind.length > 0) {
    draft.say('RevisionProgressing', `(${behind[0]?.name} is given it again)`)
  } else {
    draft.enter('Ready', 'PolicyActive')
    draft.say('PolicyActive')
    draft.ready = true
  }
}
