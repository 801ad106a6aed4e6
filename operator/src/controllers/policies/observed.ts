/** What `decide` looks at and what it answers, as data. Nothing here does anything. */
import type { Policies, PoliciesPush, PolicyCapability } from '@fractal-lba/protocol/config/policies'
import type { ConditionClaim } from '../../api/conditions.ts'
import type { Verb } from '../../api/group.ts'
import type { Reason } from '../../api/reasons.ts'
import type { FieldProblem } from '../../api/validate.ts'
import type { Measurement } from '../../rollout/watch.ts'
import type { AnyPolicyStatus, RolledOutSpec } from './objects.ts'

export interface PodView {
  readonly name: string
  /** Undefined: it does not answer, and `problem` says why. */
  readonly runs: { readonly revision: string; readonly epoch: number } | undefined
  readonly problem: string | undefined
  /** It answers, and is of a version that takes no policies. */
  readonly tooOld: boolean
  readonly capabilities: readonly string[]
}

export type FleetView =
  | {
      readonly kind: 'found'
      readonly key: string
      /** In the order in which they get a revision. */
      readonly pods: readonly PodView[]
      readonly stable: PoliciesPush
      /** Pods have seen a higher epoch than ours: this process does not lead any more. */
      readonly fencedBy: number | undefined
    }
  | { readonly kind: 'missing'; readonly reason: 'FleetNotFound' | 'FleetAmbiguous'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string }

export interface Observed {
  readonly capability: PolicyCapability
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly deletionRequested: boolean
  readonly spec: RolledOutSpec | undefined
  readonly problems: readonly FieldProblem[]
  readonly status: AnyPolicyStatus | undefined
  readonly fleet: FleetView
  /** What the fleet's policies shall be, made from what is stable and the spec; undefined without a spec or a fleet. */
  readonly wanted: Policies | undefined
  /** A policy of the same kind that has the right of way on this fleet. */
  readonly conflict: string | undefined
  /** A policy that is being rolled out to this fleet. */
  readonly waitsFor: string | undefined
  readonly ownClaims: Readonly<Record<string, ConditionClaim>>
  readonly epoch: number
  /** A new measurement; undefined when it is not time for one. */
  readonly measurement: Measurement | undefined
  readonly nowMs: number
}

export type Action =
  | { readonly kind: 'push'; readonly pods: readonly string[]; readonly push: PoliciesPush }
  | { readonly kind: 'keep-stable'; readonly push: PoliciesPush }
  | { readonly kind: 'event'; readonly type: 'Normal' | 'Warning'; readonly reason: Reason; readonly message: string }
  | { readonly kind: 'consume'; readonly verb: Verb; readonly value: string }
  /** The object may go. */
  | { readonly kind: 'forget' }

export interface Decided {
  readonly status: AnyPolicyStatus
  readonly actions: readonly Action[]
  readonly requeueAfterMs: number
}
