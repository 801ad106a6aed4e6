/**
 * Decides about the rollout of a fleet's own upgrades (pure): from the StatefulSet, its pods and the gates, the next status and the
 * actions to take. Level-based: what is applied is what the pods run, so whoever takes over, or lost the status, goes on.
 *
 * Invariants: no more pods run an unproved revision than the step allows; the partition holds unless a step is being rolled out; a revision
 * that failed is not tried again by itself; the last pod is updated only after that was announced, for then there is no way back.
 */
import { Draft } from './draft.ts'
import { type Decided, HOLD, type Observed } from './observed.ts'
import { rolloutSentence } from './reasons.ts'
import { revert, strays } from './reverting.ts'
import { begin, progress } from './running.ts'
import { MANAGED_ANNOTATION, type ReadSettings, readSettings } from './settings.ts'
import { takeVerbs } from './verbs.ts'

/** While pods come and go; their changes wake the controller too. */
const MOVING_POLL_MS = 2000
const STALE_POLL_MS = 500

export function decide(observed: Observed): Decided {
  const { workload, nowMs } = observed
  const draft = new Draft(workload, observed.status, nowMs)
  if (workload.annotations[MANAGED_ANNOTATION] !== 'true') return release(draft, observed)
  // What the StatefulSet says of its revisions is about an older spec: nothing can be concluded yet.
  if (workload.observedGeneration < workload.generation || workload.updateRevision === '' || workload.currentRevision === '')
    return { status: draft.status, actions: [], requeueAfterMs: STALE_POLL_MS }
  const read = readSettings(workload.annotations)
  takeProblems(draft, read)
  takeVerbs(draft)
  follow(draft, observed, read)
  draft.status.replicas = workload.replicas
  return { status: draft.status, actions: draft.actions, requeueAfterMs: nextLookMs(draft, read) }
}

function follow(draft: Draft, observed: Observed, read: ReadSettings): void {
  const { status, workload } = draft
  const { currentRevision, updateRevision } = workload
  if (status.failedRevision !== undefined && status.failedRevision !== updateRevision) delete status.failedRevision
  if (updateRevision === currentRevision) {
    rest(draft)
    return
  }
  if (status.failedRevision === updateRevision) {
    takeBack(draft)
    return
  }
  if (!read.ok) {
    draft.enter('Blocked', 'SettingsInvalid', read.problems)
    draft.say('SettingsInvalid', read.problems)
    if (status.revision !== updateRevision) draft.partition(HOLD)
    return
  }
  if (status.revision !== updateRevision || !['Progressing', 'Frozen'].includes(status.phase))
    begin(draft, read.settings, status.revision !== updateRevision)
  progress(draft, read.settings, observed.measurement)
}

/** There is one revision: every pod is on it, or is brought to it. */
function rest(draft: Draft): void {
  const { status, workload } = draft
  const moving = status.phase === 'Progressing' || status.phase === 'Frozen'
  if (strays(draft).length > 0) {
    const why = moving ? 'TemplateChangedBack' : 'StrayPods'
    draft.enter('RollingBack', why)
    revert(draft)
    return
  }
  draft.partition(HOLD)
  if (moving && status.revision === workload.currentRevision) {
    complete(draft)
  } else if (status.phase === 'RollingBack') {
    delete status.halt
    draft.enter('Idle', 'Held')
    draft.say('Held', `(${workload.currentRevision})`)
  } else if (status.phase !== 'Completed') {
    status.phase = 'Idle'
    draft.say('Held', `(${workload.currentRevision})`)
  }
  status.revision = workload.currentRevision
}

function complete(draft: Draft): void {
  const { status, workload } = draft
  status.endedAt = draft.now
  status.updated = workload.replicas
  status.target = workload.replicas
  delete status.halt
  delete status.waitingSinceMs
  const judged =
    workload.replicas <= 1
      ? '; with one pod there is nothing to compare, and it was judged by its readiness alone'
      : status.waived === undefined
        ? ''
        : `; ${status.waived}`
  draft.enter('Completed', 'RolloutComplete', `(${status.revision}${judged})`)
  draft.say('RolloutComplete', `(${status.revision}${judged})`)
}

function takeBack(draft: Draft): void {
  const { status } = draft
  if (status.phase === 'RolledBack' && strays(draft).length === 0) {
    draft.partition(HOLD)
    return
  }
  draft.enter('RollingBack', 'RollingBack', status.halt ? `Cause: ${status.halt.message}` : undefined)
  if (!revert(draft)) return
  status.endedAt = draft.now
  status.target = 0
  const cause = status.halt ? `Cause: ${status.halt.message}` : undefined
  draft.enter('RolledBack', 'RolledBack', cause)
  draft.say('RolledBack', cause)
}

/** Whoever takes the annotation away gets a StatefulSet that updates itself again, not one that is held for ever. */
function release(draft: Draft, observed: Observed): Decided {
  if (!observed.status) return { status: undefined, actions: [], requeueAfterMs: undefined }
  draft.partition(0)
  draft.event('Normal', 'ManagementReleased')
  return { status: undefined, actions: draft.actions, requeueAfterMs: undefined }
}

function takeProblems(draft: Draft, read: ReadSettings): void {
  const problems = read.ok ? '' : read.problems
  if (problems === draft.status.settingsProblems) return
  draft.status.settingsProblems = problems
  if (problems)
    draft.actions.push({
      kind: 'event',
      type: 'Warning',
      reason: 'SettingsInvalid',
      message: rolloutSentence('SettingsInvalid', problems),
    })
}

function nextLookMs({ status, actions }: Draft, read: ReadSettings): number | undefined {
  switch (status.phase) {
    case 'Progressing':
    case 'Frozen':
      return Math.min(MOVING_POLL_MS, read.ok ? read.settings.watch.intervalMs : MOVING_POLL_MS)
    case 'RollingBack':
      return MOVING_POLL_MS
    default:
      return actions.length > 0 ? MOVING_POLL_MS : undefined
  }
}
