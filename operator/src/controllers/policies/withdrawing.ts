/** What deleting a policy does: its part is taken out of what pods run, before the object may go. Pure. */
import { policiesRevisionOf } from '@fractal-lba/protocol/config/policies'
import type { Draft } from './draft.ts'

/** @returns false where there is something to be finished first. */
export function withdraw(draft: Draft): boolean {
  const { status, observed } = draft
  const { fleet, spec, capability, conflict } = observed
  const policy = spec?.deletionPolicy ?? 'Abort'
  const rolling = status.rollout !== undefined && status.rollout.endedAt === undefined
  if (policy === 'Finish' && rolling && !status.halt && fleet.kind === 'found' && conflict === undefined) {
    status.paused = false
    return false
  }
  const nothingThere = fleet.kind === 'missing' && fleet.reason === 'FleetNotFound'
  // One that never had the right of way has nothing in the pods: what is there is the other's.
  if (policy === 'Orphan' || nothingThere || conflict !== undefined) {
    forget(draft, policy === 'Orphan' ? '(Orphan: the pods stay as they are)' : '')
    return true
  }
  if (fleet.kind !== 'found') {
    draft.say('Deleted', `(waits: ${fleet.message})`)
    return true
  }
  if (fleet.fencedBy !== undefined) {
    draft.say('Fenced', `(pods have seen epoch ${fleet.fencedBy})`)
    return true
  }
  if (observed.waitsFor !== undefined) {
    // Never begun, or taken back: there is nothing of it in what the other policy brings to the pods.
    if (!rolling && fleet.stable.policies[capability] === undefined) {
      forget(draft, '')
      return true
    }
    draft.say('WaitingForOtherPolicy', `(${observed.waitsFor})`)
    return true
  }
  const { [capability]: _, ...rest } = fleet.stable.policies
  const push = draft.pushOf(rest)
  const revision = policiesRevisionOf(rest)
  const lacking = fleet.pods.filter((pod) => pod.runs && (pod.runs.revision !== revision || pod.runs.epoch < push.epoch))
  // First what pods start with: one that starts now must not bring it back.
  if (fleet.stable.revision !== revision) draft.actions.push({ kind: 'keep-stable', push })
  if (lacking.length > 0) draft.actions.push({ kind: 'push', pods: lacking.map((pod) => pod.name), push })
  draft.say('Deleted', `(being taken from the pods: ${lacking.length} left)`)
  if (fleet.stable.revision === revision && lacking.length === 0) forget(draft, '')
  return true
}

function forget(draft: Draft, detail: string): void {
  draft.event('Normal', 'Deleted', detail)
  draft.say('Deleted', detail)
  draft.actions.push({ kind: 'forget' })
}
