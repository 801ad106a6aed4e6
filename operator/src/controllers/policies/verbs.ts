/** What each verb does in each phase of a policy; one that the phase does not allow is a Warning and changes nothing. */
import type { Verb } from '../../api/group.ts'
import type { Reason } from '../../api/reasons.ts'
import { takeVerbs as takeVerbAnnotations } from '../../rollout/take-verbs.ts'
import type { Draft } from './draft.ts'
import { takeBack } from './rolling.ts'
import { startOver } from './starting-over.ts'

type Outcome = { readonly refused: Reason; readonly detail: string } | undefined

export function takeVerbs(draft: Draft): void {
  const { echoes, consume } = takeVerbAnnotations(draft.status.verbs, draft.observed.annotations, draft.now, (verb, value) => {
    const outcome = perform(verb, value, draft)
    if (outcome) draft.event('Warning', outcome.refused, outcome.detail)
    return outcome === undefined
  })
  draft.status.verbs = echoes
  for (const { verb, value } of consume) draft.actions.push({ kind: 'consume', verb, value })
}

function perform(verb: Verb, value: string, draft: Draft): Outcome {
  const { status, observed } = draft
  const refuse = (why: string): Outcome => ({ refused: 'VerbNotAllowed', detail: `(${verb} in ${status.phase}: ${why})` })
  const under = status.rollout !== undefined && status.rollout.endedAt === undefined
  switch (verb) {
    case 'approve':
      if (observed.spec?.approval !== 'Manual') return refuse('spec.approval is Auto')
      if (under) return refuse('the plan is being carried out')
      if (value !== status.planHash)
        return {
          refused: 'ApprovalMismatch',
          detail: `(it names ${value.slice(0, 64)}, the plan is ${status.planHash ?? 'not made yet'})`,
        }
      status.approvedHash = value
      draft.decided('Approve', 'Approved')
      draft.event('Normal', 'Approved')
      return undefined
    case 'abort':
      if (!under || status.rollout?.reverting) return refuse('nothing is being rolled out')
      draft.halt('Abort', 'AbortRequested', '')
      takeBack(draft)
      return undefined
    case 'pause':
      if (status.paused) return refuse('it is paused already')
      if (status.rollout?.reverting) return refuse('a rollback is not paused')
      status.paused = true
      draft.decided('Pause', 'Paused')
      draft.event('Normal', 'Paused')
      return undefined
    case 'resume':
      if (!status.paused)
        return refuse(observed.spec?.paused ? 'it is paused by spec.paused; set that to false' : 'it is not paused')
      status.paused = false
      status.lastProgress = { ...status.lastProgress, atMs: draft.nowMs }
      draft.watchAfresh()
      draft.decided('Resume', 'Resumed')
      draft.event('Normal', 'Resumed')
      return undefined
    case 'retry':
      if (status.halt?.kind === 'Freeze') {
        status.halt = undefined
        status.lastProgress = { ...status.lastProgress, atMs: draft.nowMs }
        draft.watchAfresh()
      } else if (status.phase === 'RolledBack') startOver(draft)
      else return refuse('nothing has failed')
      draft.decided('Retry', 'RetryRequested')
      draft.event('Normal', 'RetryRequested')
      return undefined
  }
}
