/** What `decide` looks at and what it answers, as data. Nothing here does anything. */
import type { Verb } from '../../api/group.ts'
import type { Measurement } from '../../rollout/watch.ts'
import type { FleetWorkload, WorkloadPod } from './port.ts'
import type { RolloutReason } from './reasons.ts'
import type { FleetRolloutStatus } from './status.ts'

export interface Observed {
  readonly workload: FleetWorkload
  readonly status: FleetRolloutStatus | undefined
  /** A new measurement; undefined when it is not time for one. */
  readonly measurement: Measurement | undefined
  readonly nowMs: number
}

export type Action =
  | { readonly kind: 'set-partition'; readonly partition: number }
  | { readonly kind: 'delete-pod'; readonly pod: WorkloadPod; readonly why: string }
  | { readonly kind: 'event'; readonly type: 'Normal' | 'Warning'; readonly reason: RolloutReason; readonly message: string }
  | { readonly kind: 'consume'; readonly verb: Verb; readonly value: string }

export interface Decided {
  /** Undefined: nothing of this rollout is to be kept. */
  readonly status: FleetRolloutStatus | undefined
  readonly actions: readonly Action[]
  /** When to look again, at the latest; undefined: when something changes. */
  readonly requeueAfterMs: number | undefined
}

/** Above any ordinal: no pod is replaced because of its revision. */
export const HOLD = 1_000_000
