/**
 * Conditions as Kubernetes tools read them. `Reconciling` and `Stalled` are abnormal when True (kstatus), so that "still working" and
 * "will not get further by itself" can be told apart; the rest are True when reached.
 */
import { type Reason, sentence } from './reasons.ts'

/** Of every kind. */
export type CommonConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Paused' | 'PlanApproved' | 'GatePassed'
/** Of a `ShardMigration`. */
export type ConditionType = CommonConditionType | 'CopyComplete' | 'Verified' | 'DualWriting' | 'CutOver' | 'Reversible'
export type CrrConditionType = CommonConditionType | 'ReplicationInSync' | 'LagWithinBound'
export type TieringConditionType = CommonConditionType | 'TiersConsistent'

export type ConditionStatus = 'True' | 'False' | 'Unknown'

export interface Condition<T extends string = ConditionType> {
  readonly type: T
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

/** All conditions from what is claimed of each, in the order of the claims; the transition time moves only when the status does. */
export function nextConditions<T extends string>(
  before: readonly Condition<T>[],
  claims: Readonly<Record<T, ConditionClaim>>,
  generation: number,
  nowMs: number,
): Condition<T>[] {
  return (Object.keys(claims) as T[]).map((type) => {
    const { status, reason, detail } = claims[type]
    const earlier = before.find((condition) => condition.type === type)
    const lastTransitionTime = earlier?.status === status ? earlier.lastTransitionTime : new Date(nowMs).toISOString()
    return { type, status, reason, message: sentence(reason, detail), observedGeneration: generation, lastTransitionTime }
  })
}
