/** What each verb does in each phase; one that the phase does not allow is a Warning and changes nothing. */
import type { Verb } from '../../api/group.ts'
import type { Reason } from '../../api/reasons.ts'
import type { Phase } from '../../api/status.ts'
import { takeVerbs as takeVerbAnnotations } from '../../rollout/take-verbs.ts'
import { type Draft, freshStatus, isTerminal } from './draft.ts'
import type { Observed } from './observed.ts'

/** What became of a verb: accepted, or why not. */
type Outcome = { readonly refused: Reason; readonly detail: string } | undefined

export function takeVerbs(draft: Draft, observed: Observed): void {
  const { echoes, consume } = takeVerbAnnotations(draft.status.verbs, observed.annotations, draft.now, (verb, value) => {
    const outcome = perform(verb, value, draft, observed)
    if (outcome) draft.event('Warning', outcome.refused, outcome.detail)
    return outcome === undefined
  })
  draft.status.verbs = echoes
  for (const { verb, value } of consume) draft.actions.push({ kind: 'consume', verb, value })
}

function perform(verb: Verb, value: string, draft: Draft, observed: Observed): Outcome {
  switch (verb) {
    case 'approve':
      return approve(value, draft, observed)
    case 'abort':
      return abort(draft)
    case 'pause':
      return pause(draft)
    case 'resume':
      return resume(draft, observed)
    case 'retry':
      return retry(draft, observed)
  }
}

const notAllowed = (verb: Verb, phase: Phase, why: string): Outcome => ({
  refused: 'VerbNotAllowed',
  detail: `(${verb} in ${phase}: ${why})`,
})

function approve(value: string, draft: Draft, observed: Observed): Outcome {
  const { status } = draft
  if (observed.spec?.approval !== 'Manual') return notAllowed('approve', status.phase, 'spec.approval is Auto')
  if (status.phase !== 'Planning' && status.phase !== 'Pending')
    return notAllowed('approve', status.phase, 'the plan is no longer open')
  if (value !== status.planHash)
    return {
      refused: 'ApprovalMismatch',
      detail: `(it names ${value.slice(0, 64)}, the plan is ${status.planHash ?? 'not made yet'})`,
    }
  status.approvedHash = value
  draft.decided('Approve', 'Approved')
  draft.event('Normal', 'Approved')
  return undefined
}

function abort(draft: Draft): Outcome {
  const { status } = draft
  if (isTerminal(status.phase)) return notAllowed('abort', status.phase, 'it has ended')
  if (status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort')
    return notAllowed('abort', status.phase, 'it is being undone already')
  if (status.target.upTo === 'cleaned')
    return notAllowed('abort', status.phase, 'the point of no return is passed; migrate back with a new ShardMigration')
  draft.halt('Abort', 'AbortRequested', '')
  status.paused = false
  return undefined
}

function pause(draft: Draft): Outcome {
  const { status } = draft
  if (isTerminal(status.phase)) return notAllowed('pause', status.phase, 'it has ended')
  if (status.phase === 'RollingBack' || status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort')
    return notAllowed('pause', status.phase, 'a rollback is not paused')
  if (status.paused) return notAllowed('pause', status.phase, 'it is paused already')
  status.paused = true
  draft.decided('Pause', 'Paused')
  draft.event('Normal', 'Paused')
  return undefined
}

function resume(draft: Draft, observed: Observed): Outcome {
  const { status } = draft
  if (!status.paused) {
    return notAllowed(
      'resume',
      status.phase,
      observed.spec?.paused ? 'it is paused by spec.paused; set that to false' : 'it is not paused',
    )
  }
  status.paused = false
  // The time in pause is not time without progress.
  status.lastProgress = { ...status.lastProgress, atMs: draft.nowMs }
  draft.watchAfresh()
  draft.decided('Resume', 'Resumed')
  draft.event('Normal', 'Resumed')
  return undefined
}

function retry(draft: Draft, observed: Observed): Outcome {
  const { status } = draft
  if (status.halt?.kind === 'Freeze') {
    unfreeze(draft)
    draft.event('Normal', 'RetryRequested')
    return undefined
  }
  if (status.phase !== 'Failed') return notAllowed('retry', status.phase, 'it has not failed')
  if (!observed.spec) return notAllowed('retry', status.phase, 'the spec cannot be used')
  startOver(draft, observed.generation)
  draft.event('Normal', 'RetryRequested')
  return undefined
}

/** Goes on from a freeze, with measurements that start from here. */
export function unfreeze(draft: Draft): void {
  draft.status.halt = undefined
  draft.status.gateTracks = []
  draft.status.lastProgress = { ...draft.status.lastProgress, atMs: draft.nowMs }
  draft.watchAfresh()
}

/** A new attempt, with an id of its own; what the last one decided is kept to be read. */
export function startOver(draft: Draft, generation: number): void {
  const { attempt, verbs, decisions, conditions, fleetConfig } = draft.status
  Object.assign(draft.status, freshStatus(generation, attempt + 1, draft.nowMs), { verbs, decisions, conditions, fleetConfig })
  draft.actions.push({ kind: 'release' })
}
