/**
 * The answer to a decided submission, made from the decision's record alone: so whoever asks again, at any pod, gets the same bytes.
 */
import { isAccepted, isEscalated, type Reason, type Verdict } from '@fractal-lba/protocol/pcs/reason'

/** The parts of a record that an answer shows. */
export interface Decision {
  readonly verdict: Verdict
  readonly reason: Reason
  readonly recomputedDHat: number
  readonly recomputedBudget: number
}

/** 200, or 202 where someone should look at it. */
export function statusOf(verdict: Verdict): 200 | 202 {
  return isEscalated(verdict) ? 202 : 200
}

/** Written out by hand: it is made once a submission, and both texts in it (a reason, a hex digest) need no escaping. */
export function renderAnswer(decision: Decision, pcsId: string): string {
  return `{"accepted":${isAccepted(decision.verdict)},"recomputed_D_hat":${decision.recomputedDHat},"recomputed_budget":${decision.recomputedBudget},"reason":"${decision.reason}","escalated":${isEscalated(decision.verdict)},"pcs_id":"${pcsId}"}`
}
