/**
 * Where `CRRPolicy` and `TieringPolicy` objects live: the API of a cluster, or whatever plays its part. The controller of each kind reads
 * and writes its objects through this alone.
 */
import type { Condition } from '../../api/conditions.ts'
import type { Verb } from '../../api/group.ts'
import type { PolicyFields } from '../../api/policy.ts'
import type { PolicyStatus } from '../../api/policy-status.ts'
import type { Reason } from '../../api/reasons.ts'
import type { FieldProblem } from '../../api/validate.ts'

/** What the rollout of a policy needs of its spec; the rest is for the pods. */
export interface RolledOutSpec extends PolicyFields {
  readonly healthGates: { readonly maxLatencyP95: number; readonly maxErrorRate: number; readonly minDedupHitRatio: number }
}

/** The status of either kind; `conditions` holds those that the kind adds, too. */
export type AnyPolicyStatus = PolicyStatus & { readonly conditions: readonly Condition<string>[] }

export interface PolicyObject<Spec extends RolledOutSpec> {
  readonly name: string
  /** A new object of the same name has another. */
  readonly uid: string
  /** Of the state that was read, where others may write too: a status is refused once there is a newer one. */
  readonly version?: string
  readonly generation: number
  readonly createdAtMs: number
  readonly annotations: Readonly<Record<string, string>>
  readonly deletionRequested: boolean
  /** The newest spec that was accepted. */
  readonly spec: Spec | undefined
  readonly problems: readonly FieldProblem[]
  readonly status: AnyPolicyStatus | undefined
}

/** Of one namespace. */
export interface PolicyObjects<Spec extends RolledOutSpec> {
  /** Undefined when there is no such object (any more). */
  get(name: string): Promise<PolicyObject<Spec> | undefined>
  names(): Promise<readonly string[]>
  /** Durable when it resolves. @throws Outdated when the object is not as it was read any more; then nothing was written. */
  writeStatus(object: PolicyObject<Spec>, status: AnyPolicyStatus): Promise<void>
  event(object: PolicyObject<Spec>, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void>
  /** Takes the verb's annotation away, unless it was set to another value meanwhile. */
  consume(object: PolicyObject<Spec>, verb: Verb, value: string): Promise<void>
  /** Lets a deleted object go. */
  forget(object: PolicyObject<Spec>): Promise<void>
}
