/** Before anything moves: the plan in status, its approval, gates that pass, and pods that know all shards. Nothing at a shard is changed here. */
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { PlanStatus } from '../../api/status.ts'
import { allows } from '../../rollout/verdict.ts'
import type { Draft } from './draft.ts'
import { end } from './ending.ts'
import { ensureFleetConfig } from './fleet-config.ts'
import { migrationIdOf } from './intent.ts'
import type { Observed } from './observed.ts'

type FreshPlan = Omit<PlanStatus, 'madeAt' | 'steps'> | { readonly refused: string }

export function planAndStart(draft: Draft, observed: Observed, plan: FreshPlan): void {
  const { status } = draft
  const spec = observed.spec as ShardMigrationSpec
  if (status.halt?.kind === 'Abort' || status.halt?.kind === 'Rollback') {
    stopUntouched(draft, observed)
    return
  }
  if (status.phase === 'Pending') {
    draft.enter('Planning', 'PlanPending')
    status.gateTracks = []
    status.lastProgress = { mark: 'planning', atMs: draft.nowMs }
  }
  // An attempt that the shards know nothing of has not begun, whatever was meant to happen.
  if (status.phase !== 'Planning') {
    draft.enter('Planning', 'PlanPending')
    status.migrationId = undefined
    status.target = { upTo: 'planned', cutoverPercent: 0 }
  }
  if ('refused' in plan) {
    draft.say('PlanImpossible', `(${plan.refused})`)
    draft.stalled = 'PlanImpossible'
    failWhenLate(draft, spec)
    return
  }
  takePlan(draft, spec, plan)
  if (plan.slots === 0) {
    draft.enter('Completed', 'MigrationComplete', '(Every slot is with its owner already.)')
    status.endedAt = draft.now
    end(draft, observed)
    return
  }
  if (spec.dryRun) {
    draft.waiting = true
    draft.say('DryRunComplete')
    return
  }
  if (spec.approval === 'Manual' && status.approvedHash !== plan.hash) {
    draft.waiting = true
    // The deadline counts from the approval.
    status.lastProgress = { mark: 'planning', atMs: draft.nowMs }
    status.gateTracks = status.gateTracks.map((track) => ({ ...track, notPassingSinceMs: undefined }))
    draft.say('AwaitingApproval', `(${plan.hash})`)
    return
  }
  if (status.paused || spec.paused) {
    draft.waiting = true
    status.lastProgress = { mark: 'planning', atMs: draft.nowMs }
    draft.say('Paused')
    return
  }
  if (!allows(status.judgement)) {
    const { judgement } = status
    const reading = 'reading' in judgement ? judgement.reading : undefined
    const failing = judgement.kind === 'fail' || (judgement.kind === 'hold' && judgement.why === 'failing')
    draft.say(
      failing ? 'GateFailed' : 'GateNoData',
      reading ? `(${reading.metric}: ${reading.message}. It does not start before all gates pass.)` : '(Not measured yet.)',
    )
    failWhenLate(draft, spec)
    return
  }
  if (!ensureFleetConfig(draft, observed, 'union')) {
    draft.say('FleetNotConfigured')
    failWhenLate(draft, spec)
    return
  }
  start(draft, observed, plan.hash)
}

function start(draft: Draft, observed: Observed, planHash: string): void {
  const { status } = draft
  status.migrationId = migrationIdOf(observed.name, observed.uid, status.attempt)
  status.startedAt ??= draft.now
  status.target = { upTo: 'soaked', cutoverPercent: 0 }
  draft.enter('Copying', 'Copying')
  draft.say('Copying')
  draft.actions.push(
    { kind: 'start', planHash, migrationId: status.migrationId },
    { kind: 'work', intent: { kind: 'run', ...status.target } },
  )
}

/** A plan of another ring than the last one is another plan: its approval is void. */
function takePlan(draft: Draft, spec: ShardMigrationSpec, plan: Omit<PlanStatus, 'madeAt' | 'steps'>): void {
  const { status } = draft
  const stale = status.planHash !== undefined && status.planHash !== plan.hash
  if (stale) {
    draft.event('Normal', 'PlanStale', `(${status.planHash} is now ${plan.hash})`)
    status.approvedHash = undefined
  }
  const isNew = status.planHash !== plan.hash
  status.plan = { ...plan, steps: spec.steps, madeAt: isNew ? draft.now : (status.plan?.madeAt ?? draft.now) }
  status.planHash = plan.hash
  status.progress = { ...status.progress, totalKeys: plan.keys }
  if (isNew) draft.decided('Plan', stale ? 'PlanStale' : 'PlanPending', `(${plan.slots} slots, about ${plan.keys} keys)`)
}

function failWhenLate(draft: Draft, spec: ShardMigrationSpec): void {
  const { status } = draft
  if (draft.nowMs - status.lastProgress.atMs < spec.progressDeadlineSeconds * 1000) return
  const cause = status.message
  const reading = 'reading' in status.judgement ? status.judgement.reading : undefined
  draft.halt('Freeze', 'DeadlineExceeded', `(${cause})`, reading)
  draft.enter('Failed', 'DeadlineExceeded', `(${cause})`)
  draft.say('DeadlineExceeded', `(${cause})`)
  status.endedAt = draft.now
}

function stopUntouched(draft: Draft, observed: Observed): void {
  draft.enter('Failed', draft.status.halt?.reason ?? 'AbortRequested', '(Nothing was changed.)')
  draft.status.endedAt = draft.now
  end(draft, observed)
}
