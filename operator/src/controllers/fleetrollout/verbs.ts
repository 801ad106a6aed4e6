/** What each verb does in each phase of a fleet's rollout; one that the phase does not allow is a Warning and changes nothing. */
import type { Verb } from '../../api/group.ts'
import { takeVerbs as takeVerbAnnotations } from '../../rollout/take-verbs.ts'
import type { Draft } from './draft.ts'
import { halt } from './halt.ts'

export function takeVerbs(draft: Draft): void {
  const { echoes, consume } = takeVerbAnnotations(draft.status.verbs, draft.workload.annotations, draft.now, (verb) => {
    const why = perform(verb, draft)
    if (why !== undefined) draft.event('Warning', 'VerbNotAllowed', `(${verb} in ${draft.status.phase}: ${why})`)
    return why === undefined
  })
  draft.status.verbs = echoes
  for (const { verb, value } of consume) draft.actions.push({ kind: 'consume', verb, value })
}

/** @returns why not, where it is not allowed. */
function perform(verb: Verb, draft: Draft): string | undefined {
  const { status, workload } = draft
  const pending = workload.updateRevision !== workload.currentRevision
  switch (verb) {
    case 'approve':
      return 'an upgrade of the fleet is rolled out without approval; pause it first, then resume it'
    case 'pause':
      if (status.paused) return 'it is paused already'
      if (status.phase === 'RollingBack') return 'a rollback is not paused'
      status.paused = true
      draft.decided('Pause', 'Paused')
      draft.event('Normal', 'Paused')
      return undefined
    case 'resume':
      if (!status.paused) return 'it is not paused'
      status.paused = false
      draft.watchAfresh()
      draft.decided('Resume', 'Resumed')
      draft.event('Normal', 'Resumed')
      return undefined
    case 'abort':
      if (status.phase !== 'Progressing' && status.phase !== 'Frozen') return 'nothing is being rolled out'
      if (!pending) return 'the StatefulSet has taken the new revision for its own; change the template back'
      halt(draft, 'RollingBack', { reason: 'AbortRequested', message: '' })
      return undefined
    case 'retry':
      if (status.phase !== 'Frozen' && (status.failedRevision === undefined || status.failedRevision !== workload.updateRevision))
        return 'nothing has failed'
      delete status.failedRevision
      delete status.halt
      delete status.waitingSinceMs
      if (status.phase === 'Frozen') status.phase = 'Progressing'
      draft.watchAfresh()
      draft.decided('Retry', 'RetryRequested')
      draft.event('Normal', 'RetryRequested')
      return undefined
  }
}
