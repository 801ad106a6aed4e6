/** Stops a rollout for a cause, which is kept: it is taken back and not tried again, or frozen where it stands. */
import type { GateReading } from '../../rollout/gates.ts'
import type { Draft } from './draft.ts'
import { type RolloutReason, rolloutSentence } from './reasons.ts'

export interface Cause {
  readonly reason: RolloutReason
  readonly message: string
  readonly reading?: GateReading
}

export function halt(draft: Draft, to: 'RollingBack' | 'Frozen', cause: Cause): void {
  const { status } = draft
  const { reason, message, reading } = cause
  status.halt = { reason, message: rolloutSentence(reason, message), at: draft.now, ...(reading && { reading }) }
  draft.decided(to === 'RollingBack' ? 'Rollback' : 'Freeze', reason, message, reading)
  draft.event('Warning', reason, message)
  delete status.waitingSinceMs
  if (to === 'RollingBack') {
    status.failedRevision = status.revision
    status.paused = false
  }
  draft.enter(to, to, `Cause: ${status.halt.message}`)
}
