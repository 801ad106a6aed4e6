/**
 * From the first copied key to the last deleted one: what ends a migration early, then how far the engine may go. Each boundary, and each
 * step of the cutover, is passed only when the gates allow it; what fails them is undone or frozen, whichever the spec wants.
 */
import type { Reason } from '../../api/reasons.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { Phase } from '../../api/status.ts'
import type { GateReading } from '../../rollout/gates.ts'
import { decideRollout } from '../../rollout/rollout.ts'
import { stepTargets, unitsAt } from '../../rollout/steps.ts'
import { allows } from '../../rollout/verdict.ts'
import { type Draft, isTerminal } from './draft.ts'
import { end } from './ending.ts'
import { ensureFleetConfig } from './fleet-config.ts'
import { intentOf, migrationIdOf } from './intent.ts'
import type { Observed, RunningView } from './observed.ts'

type Stopped = { readonly reason: string; readonly message: string } | undefined

/** What stands in the reason of a phase. */
const PHASE_REASONS: Partial<Record<Phase, Reason>> = {
  Copying: 'Copying',
  Verifying: 'Verifying',
  DualWrite: 'DualWriting',
  Cutover: 'CuttingOver',
  Cleanup: 'CleaningUp',
  RollingBack: 'RollingBack',
}

export function run(draft: Draft, observed: Observed, view: RunningView, stopped: Stopped, current: boolean): void {
  const { status } = draft
  const spec = observed.spec as ShardMigrationSpec
  adopt(draft, observed, view)
  if (view.outcome) {
    finish(draft, observed, view.outcome)
    return
  }
  noteProgress(draft, view)
  const before = JSON.stringify(intentOf(status, spec))
  haltWhereNeeded(draft, observed, view, stopped)
  const rollingBack = status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort'
  const phase = rollingBack ? 'RollingBack' : visiblePhase(view)
  draft.enter(phase, PHASE_REASONS[phase] ?? 'InProgress', rollingBack ? `Cause: ${status.halt?.message}` : undefined)
  draft.say(
    PHASE_REASONS[phase] ?? 'InProgress',
    rollingBack ? `(${view.message}. Cause: ${status.halt?.message})` : `(${view.message})`,
  )
  if (current && before === JSON.stringify(intentOf(status, spec)) && view.reached && intentOf(status, spec).kind === 'run')
    advance(draft, observed, view, spec)
  sayWhatHolds(draft, spec, stopped, view)
  slowWriters(draft, observed, view)
  if (cleanupMayWork(draft)) draft.actions.push({ kind: 'work', intent: intentOf(status, spec) })
}

/** A successor whose status was lost learns from the shards that this attempt runs, and how far it may have been allowed to go. */
function adopt(draft: Draft, observed: Observed, view: RunningView): void {
  const { status } = draft
  status.migrationId ??= migrationIdOf(observed.name, observed.uid, status.attempt)
  status.startedAt ??= draft.now
  if (status.target.upTo === 'planned') status.target = { upTo: 'soaked', cutoverPercent: 0 }
  if (view.pastNoReturn && status.target.upTo !== 'cleaned') {
    status.target = { upTo: 'cleaned', cutoverPercent: 100 }
    status.noReturnAnnouncedAt ??= draft.now
  }
  status.certificate = view.certificate ?? status.certificate
}

function finish(draft: Draft, observed: Observed, outcome: 'completed' | 'rolled-back'): void {
  const { status } = draft
  status.endedAt = draft.now
  if (outcome === 'completed') {
    status.halt = undefined
    draft.enter('Completed', 'MigrationComplete')
  } else draft.enter('Failed', 'RolledBack', status.halt ? `Cause: ${status.halt.message}` : undefined)
  if (isTerminal(status.phase)) end(draft, observed)
}

function noteProgress(draft: Draft, view: RunningView): void {
  const { status } = draft
  const mark = [
    view.phase,
    view.milestone,
    view.keysCopied,
    view.slotsCopied,
    view.slotsVerified,
    view.slotsAtTarget,
    view.backlogKeys === 0,
  ].join('/')
  // Where it waits for a user, or for time that the spec asks for, time is not lost.
  if (mark !== status.lastProgress.mark || status.paused || status.halt?.kind === 'Freeze')
    status.lastProgress = { mark, atMs: draft.nowMs }
}

function haltWhereNeeded(draft: Draft, observed: Observed, view: RunningView, stopped: Stopped): void {
  const { status } = draft
  const spec = observed.spec as ShardMigrationSpec
  if (status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort') {
    if (view.blocked?.reason !== 'PastNoReturn') return
    // The shards know better than a status that was lost: there is no way back.
    draft.event('Warning', 'PointOfNoReturn', `(${view.blocked.message})`)
    status.halt = undefined
    status.target = { upTo: 'cleaned', cutoverPercent: 100 }
    return
  }
  haltFor(draft, observed, causeToHalt(draft, spec, view, stopped))
}

/** A gate that fails halts what was begun even while the shards cannot be asked: going back is what they will be asked for then. */
export function haltByGates(draft: Draft, observed: Observed): void {
  if (draft.status.migrationId !== undefined) haltFor(draft, observed, gateCause(draft))
}

interface Cause {
  readonly reason: Reason
  readonly message: string
  readonly reading?: GateReading
}

function haltFor(draft: Draft, { spec, deletionRequested }: Observed, cause: Cause | undefined): void {
  const { status } = draft
  if (!cause || status.halt || status.target.upTo === 'cleaned') return
  const rollback = spec?.onGateFailure === 'Rollback' || deletionRequested
  draft.halt(rollback ? 'Rollback' : 'Freeze', cause.reason, cause.message, cause.reading)
  if (rollback) status.paused = false
}

function gateCause({ status: { judgement } }: Draft): Cause | undefined {
  if (judgement.kind !== 'fail') return undefined
  const reason = judgement.why === 'failures' ? 'GateFailed' : 'DeadlineExceeded'
  return { reason, message: `(${judgement.reading.metric}: ${judgement.text})`, reading: judgement.reading }
}

function causeToHalt(draft: Draft, spec: ShardMigrationSpec, view: RunningView, stopped: Stopped): Cause | undefined {
  const { lastProgress } = draft.status
  if (stopped?.reason === 'Intruder') return { reason: 'RecordConflict', message: `(${stopped.message})` }
  if (stopped?.reason === 'DigestsDiffer') return { reason: 'DigestsDiffer', message: `(${stopped.message})` }
  if (view.blocked?.reason === 'NotConverging') return { reason: 'NotConverging', message: `(${view.blocked.message})` }
  const gate = gateCause(draft)
  if (gate) return gate
  const patienceMs = (spec.progressDeadlineSeconds + spec.soakSeconds + spec.stepSeconds) * 1000
  if (!spec.paused && draft.nowMs - lastProgress.atMs > patienceMs) {
    return {
      reason: 'DeadlineExceeded',
      message: `(for ${Math.round((draft.nowMs - lastProgress.atMs) / 1000)} s: ${view.message})`,
    }
  }
  return undefined
}

/** What the present target asks for is reached: whether, and how far, it may go on. */
function advance(draft: Draft, observed: Observed, view: RunningView, spec: ShardMigrationSpec): void {
  const { status } = draft
  switch (status.target.upTo) {
    case 'soaked':
    case 'cut-over':
      advanceCutover(draft, view, spec)
      return
    case 'certified':
      if (!allows(status.judgement)) return
      // Announced in one look, passed in a later one: by then the announcement is in the stored status.
      if (observed.status?.noReturnAnnouncedAt === undefined) {
        status.noReturnAnnouncedAt = draft.now
        draft.decided('AnnouncePointOfNoReturn', 'PointOfNoReturn')
        draft.event('Normal', 'PointOfNoReturn')
        return
      }
      status.target = { upTo: 'cleaned', cutoverPercent: 100 }
      draft.decided('CleanUp', 'CleaningUp')
      return
    default:
  }
}

function advanceCutover(draft: Draft, view: RunningView, spec: ShardMigrationSpec): void {
  const { status } = draft
  const { cutoverPercent } = status.target
  const total = view.totalSlots
  if (status.watchedPercent !== cutoverPercent) {
    status.watchedPercent = cutoverPercent
    // The soak was watched all along; a step is judged by what comes after it.
    if (cutoverPercent > 0) draft.watchAfresh()
  }
  const move = decideRollout(
    { targets: stepTargets(spec.steps, total), stepMs: spec.stepSeconds * 1000, onGateFailure: spec.onGateFailure },
    {
      applied: view.slotsAtTarget,
      target: cutoverPercent === 0 ? 0 : unitsAt(cutoverPercent, total),
      watchingSinceMs: status.watchFromMs,
      reverting: false,
    },
    status.judgement,
    false,
    draft.nowMs,
  )
  if (move.kind === 'apply') {
    status.target = { upTo: 'cut-over', cutoverPercent: move.step.percent }
    draft.decided('CutOver', 'CuttingOver', `(${move.step.percent} %: ${move.step.units} of ${total} slots)`)
    draft.event('Normal', 'CuttingOver', `(step to ${move.step.percent} %, ${move.step.units} of ${total} slots)`)
  }
  if (move.kind === 'watch')
    draft.say('CuttingOver', `(${move.step ? `${move.step.percent} % cut over` : 'ready to cut over'}; ${move.why})`)
  if (move.kind === 'done') {
    status.target = { upTo: 'certified', cutoverPercent: 100 }
    draft.decided('Certify', 'CuttingOver', '(all steps done)')
  }
}

function sayWhatHolds(draft: Draft, spec: ShardMigrationSpec, stopped: Stopped, view: RunningView): void {
  const { status } = draft
  if (status.halt?.kind === 'Freeze') {
    draft.stalled = 'Frozen'
    draft.say('Frozen', `Cause: ${status.halt.message}`)
    return
  }
  if (stopped?.reason === 'LeaseLost') {
    draft.waiting = true
    draft.say('Fenced', `(${stopped.message})`)
    return
  }
  if (view.blocked && view.blocked.reason !== 'NotConverging') {
    draft.stalled = 'ShardRefused'
    draft.say('ShardRefused', `(${view.blocked.message})`)
    return
  }
  if (stopped && !status.halt) {
    draft.stalled = 'ShardRefused'
    draft.say('ShardRefused', `(${stopped.message})`)
    return
  }
  if (intentOf(status, spec).kind === 'pause') {
    draft.waiting = true
    draft.say('Paused')
  }
}

/** Once there is no way back, a gate that fails makes the clean-up wait: it is the only thing that may still cost the users anything. */
function cleanupMayWork(draft: Draft): boolean {
  const { status } = draft
  if (status.phase !== 'Cleanup' || status.judgement.kind !== 'fail') return true
  draft.say('CleaningUp', `(Waiting for the gates: ${status.judgement.text})`)
  return false
}

/** Bounded by the pods; grows while the change log does not shrink, and goes away by itself. */
const SLOWDOWN_STEP_MS = 25
const SLOWDOWN_MAX_MS = 250

function slowWriters(draft: Draft, observed: Observed, view: RunningView): void {
  const present = draft.status.fleetConfig?.slowdownMs ?? 0
  const measured = observed.measurement !== undefined
  const next =
    view.slowSlots === undefined ? 0 : measured || present === 0 ? Math.min(SLOWDOWN_MAX_MS, present + SLOWDOWN_STEP_MS) : present
  ensureFleetConfig(draft, observed, 'union', next > 0 ? { slots: view.slowSlots ?? [], delayMs: next } : undefined)
}

function visiblePhase(view: RunningView): Phase {
  switch (view.phase) {
    case 'Planning':
      return 'Copying'
    case 'RolledBack':
      return 'RollingBack'
    default:
      return view.phase
  }
}
