/**
 * Why a submission was not simply accepted: the `reason` of an answer. A code's place in the list is its number in stored records, so
 * the list only ever grows at its end.
 */
export const REASONS = ['', 'd_hat_mismatch', 'regime_mismatch', 'budget_mismatch'] as const

/** Empty for an accepted summary. */
export type Reason = (typeof REASONS)[number]

/**
 * What a decision says. `accepted`: the recomputed values agree (200). `escalated`: accepted, but someone should look (202).
 * `disputed`: the recomputed D̂ contradicts the summary, so it is not accepted (202).
 */
export const VERDICTS = ['accepted', 'escalated', 'disputed'] as const

export type Verdict = (typeof VERDICTS)[number]

/** The `accepted` of an answer. */
export function isAccepted(verdict: Verdict): boolean {
  return verdict !== 'disputed'
}

/** The `escalated` of an answer. */
export function isEscalated(verdict: Verdict): boolean {
  return verdict !== 'accepted'
}
