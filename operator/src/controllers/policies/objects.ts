/** `CRRPolicy` and `TieringPolicy` objects: one controller works on both. */
import type { Condition } from '../../api/conditions.ts'
import type { PolicyFields } from '../../api/policy.ts'
import type { PolicyStatus } from '../../api/policy-status.ts'
import type { ObjectsOf, ObservedObject } from '../objects.ts'

/** What the rollout of a policy needs of its spec; the rest is for the pods. */
export interface RolledOutSpec extends PolicyFields {
  readonly healthGates: { readonly maxLatencyP95: number; readonly maxErrorRate: number; readonly minDedupHitRatio: number }
}

/** The status of either kind; `conditions` holds those that the kind adds, too. */
export type AnyPolicyStatus = PolicyStatus & { readonly conditions: readonly Condition<string>[] }

export interface PolicyObject<Spec extends RolledOutSpec> extends ObservedObject<Spec, AnyPolicyStatus> {
  readonly createdAtMs: number
}

export type PolicyObjects<Spec extends RolledOutSpec> = ObjectsOf<PolicyObject<Spec>>
