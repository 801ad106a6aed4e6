/**
 * The engine of a rollout: units (slots, pods) are applied in steps, each step is watched through gates, and a gate that fails takes
 * every applied unit back. `decideRollout` is pure and level-based: it looks at what is applied now and says the one thing to do next,
 * so whoever takes over in the middle goes on. Effects go through `RolloutEffects`.
 */
import type { StepTarget } from './steps.ts'
import type { Judgement } from './verdict.ts'

export interface RolloutPlan {
  readonly targets: readonly StepTarget[]
  /** Each step is watched at least this long. */
  readonly stepMs: number
  readonly onGateFailure: 'Rollback' | 'Freeze'
}

export interface RolloutState {
  /** Units that are applied, as observed. */
  readonly applied: number
  /** Units that the step under way shall reach; equals `applied` between steps. */
  readonly target: number
  /** When the present step was fully applied. */
  readonly watchingSinceMs: number | undefined
  readonly reverting: boolean
}

export type RolloutMove =
  /** Bring the number of applied units to `step.units`. */
  | { readonly kind: 'apply'; readonly step: StepTarget }
  | { readonly kind: 'watch'; readonly step: StepTarget | undefined; readonly forMs: number; readonly why: string }
  | { readonly kind: 'revert'; readonly why: string }
  | { readonly kind: 'freeze'; readonly why: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'reverted' }

/** What to do next. `judgement` must stem from measurements made after the present step was applied. */
export function decideRollout(
  plan: RolloutPlan,
  state: RolloutState,
  judgement: Judgement,
  paused: boolean,
  nowMs: number,
): RolloutMove {
  if (state.reverting) return state.applied === 0 ? { kind: 'reverted' } : { kind: 'revert', why: 'it is being taken back' }
  if (judgement.kind === 'fail') return { kind: plan.onGateFailure === 'Rollback' ? 'revert' : 'freeze', why: judgement.text }
  const { targets } = plan
  const current = targets.findLast((target) => target.units <= state.applied)
  const next = targets.find((target) => target.units > state.applied)
  // A step once begun is brought to its end before anything waits: half a step has no gate of its own.
  if (state.target > state.applied && next)
    return { kind: 'apply', step: targets.find((target) => target.units >= state.target) ?? next }
  if (paused) return { kind: 'watch', step: current, forMs: 0, why: 'paused' }
  if (current) {
    const remaining = (state.watchingSinceMs ?? nowMs) + plan.stepMs - nowMs
    if (remaining > 0) return { kind: 'watch', step: current, forMs: remaining, why: 'the step is being watched' }
  }
  if (judgement.kind === 'hold')
    return { kind: 'watch', step: current, forMs: 0, why: judgement.reading?.message ?? 'the gates were not measured yet' }
  return next ? { kind: 'apply', step: next } : { kind: 'done' }
}

/** Makes the moves real. Both are level-based and idempotent: "have `count` units applied", "have none applied". */
export interface RolloutEffects {
  apply(count: number): Promise<void>
  revert(): Promise<void>
}

export async function performMove(move: RolloutMove, effects: RolloutEffects): Promise<void> {
  if (move.kind === 'apply') await effects.apply(move.step.units)
  if (move.kind === 'revert') await effects.revert()
}
