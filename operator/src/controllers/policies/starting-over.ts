/** A new attempt, because the spec changed or a retry was asked for; what the last one decided is kept to be read. */
import { type Draft, freshStatus } from './draft.ts'

export function startOver(draft: Draft): void {
  const { attempt, verbs, decisions, conditions, paused, rollout } = draft.status
  const fresh = freshStatus(draft.observed.generation, attempt + 1, draft.nowMs)
  // What is still being taken back has to be taken back first.
  Object.assign(draft.status, fresh, { verbs, decisions, conditions, paused, rollout: rollout?.reverting ? rollout : undefined })
}
