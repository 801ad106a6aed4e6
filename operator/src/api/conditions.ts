/**
 * Conditions as Kubernetes tools read them. `Reconciling` and `Stalled` are abnormal when True (kstatus), so that "still working" and
 * "will not get further by itself" can be told apart; the rest are True when reached.
 */
import { type Reason, sentence } from './reasons.ts'

export const CONDITION_TYPES = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Paused',
  'PlanApproved',
  'GatePassed',
  'CopyComplete',
  'Verified',
  'DualWriting',
  'CutOver',
  'Reversible',
] as const
export type ConditionType = (typeof CONDITION_TYPES)[number]
export type ConditionStatus = 'True' | 'False' | 'Unknown'

export interface Condition {
  readonly type: ConditionType
  readonly status: ConditionStatus
  readonly reason: Reason
  readonly message: string
  readonly observedGeneration: number
  /** When `status` last changed: RFC 3339. */
  readonly lastTransitionTime: string
}

export interface ConditionClaim {
  readonly status: ConditionStatus
  readonly reason: Reason
  readonly detail?: string
}

/** All conditions from what is claimed of each; the transition time moves only when the status does. */
export function nextConditions(
  before: readonly Condition[],
  claims: Readonly<Record<ConditionType, ConditionClaim>>,
  generation: number,
  nowMs: number,
): Condition[] {
  return CONDITION_TYPES.map((type) => {
    const { status, reason, detail } = claims[type]
    const earlier = before.find((condition) => condition.type === type)
    const lastTransitionTime = earlier?.status === status ? earlier.lastTransitionTime : new Date(nowMs).toISOString()
    return { type, status, reason, message: sentence(reason, detail), observedGeneration: generation, lastTransitionTime }
  })
}
