/**
 * Whether the change log can be kept up with (pure). Writes that come faster than they are applied make a migration that never ends;
 * here that becomes a request to slow the writers, and then an answer.
 */

export type Convergence = 'in-step' | 'catching-up' | 'slow-writers' | 'not-converging'

/** Share of the deadline after which writers are asked to slow down. Early, since slowing them is cheaper than failing. */
const SLOW_WRITERS_AFTER = 0.25

/** How long each put into a moving slot should wait when its writers have to slow down, in milliseconds. */
export const SLOWDOWN_MS = 50

export function convergence(state: {
  readonly lagMs: number
  readonly maxLagMs: number
  /** How long the lag has been over its limit without a break. */
  readonly behindMs: number
  readonly deadlineMs: number
}): Convergence {
  if (state.lagMs <= state.maxLagMs) return 'in-step'
  if (state.behindMs >= state.deadlineMs) return 'not-converging'
  return state.behindMs >= state.deadlineMs * SLOW_WRITERS_AFTER ? 'slow-writers' : 'catching-up'
}
