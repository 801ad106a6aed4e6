/** What `decide` looks at and what it answers, as data. Nothing here does anything. */
import type { FleetConfig } from '@fractal-lba/protocol/config/fleet-config'
import type { Verb } from '../../api/group.ts'
import type { Reason } from '../../api/reasons.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { Milestone, PlanStatus, ShardMigrationStatus, Target } from '../../api/status.ts'
import type { FieldProblem } from '../../api/validate.ts'
import type { FleetUnavailable } from '../../fleet/port.ts'
import type { GateReading } from '../../rollout/gates.ts'

/** What the engine is asked to work towards. */
export type EngineIntent = ({ readonly kind: 'run' } & Target) | { readonly kind: 'rollback' } | { readonly kind: 'pause' }

export interface RunningView {
  readonly phase:
    | 'Planning'
    | 'Copying'
    | 'Verifying'
    | 'DualWrite'
    | 'Cutover'
    | 'Cleanup'
    | 'Completed'
    | 'RollingBack'
    | 'RolledBack'
  /** How far it has come; undefined once it goes back. */
  readonly milestone: Milestone | undefined
  /** The intent of the status is fulfilled. */
  readonly reached: boolean
  readonly blocked: { readonly reason: string; readonly message: string } | undefined
  readonly message: string
  /** Slots whose writers should wait before each put, because the change log grows faster than it is applied. */
  readonly slowSlots: readonly number[] | undefined
  readonly totalSlots: number
  readonly slotsCopied: number
  readonly slotsVerified: number
  readonly slotsAtTarget: number
  readonly backlogKeys: number
  readonly lagMs: number
  readonly keysCopied: number
  readonly totalKeys: number
  readonly bytesCopied: number
  /** Keys per second over the last while; undefined while unknown. */
  readonly keysPerSecond: number | undefined
  readonly pastNoReturn: boolean
  readonly certificate: ShardMigrationStatus['certificate']
  readonly outcome: 'completed' | 'rolled-back' | undefined
}

export type EngineObservation =
  /** A shard does not answer. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** There is no fleet whose shards these are, or the way to them cannot be read. */
  | { readonly kind: 'no-fleet'; readonly reason: FleetUnavailable['reason']; readonly message: string }
  /** Another process holds the lease. */
  | { readonly kind: 'lease-elsewhere'; readonly message: string }
  /** The shards know nothing of this attempt yet; `plan` is what it would do. */
  | { readonly kind: 'unstarted'; readonly plan: Omit<PlanStatus, 'madeAt' | 'steps'> | { readonly refused: string } }
  /** `stopped`: the last piece of work ended with this instead of a result. */
  | {
      readonly kind: 'running'
      readonly view: RunningView
      readonly stopped: { readonly reason: string; readonly message: string } | undefined
    }
  /** Not looked at, since nothing of it is needed in this state. */
  | { readonly kind: 'not-needed' }

export interface Measurement {
  readonly readings: readonly GateReading[]
  /** The fleet's p95 over the window; undefined without samples. */
  readonly p95Ms: number | undefined
}

export interface PodRevision {
  readonly pod: string
  readonly revision: string
}

export interface Observed {
  readonly name: string
  readonly uid: string
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly deletionRequested: boolean
  /** The newest spec that was accepted; undefined when there never was one. */
  readonly spec: ShardMigrationSpec | undefined
  /** What is wrong with the manifest as it is now; the migration then goes on with `spec`. */
  readonly problems: readonly FieldProblem[]
  readonly status: ShardMigrationStatus | undefined
  /** Whether the fleet that the migration is about is there at all. */
  readonly fleetExists: boolean
  readonly engine: EngineObservation
  /** A new measurement; undefined when it is not time for one. */
  readonly measurement: Measurement | undefined
  /** Pods that answered last time, with what they run. */
  readonly pods: readonly PodRevision[]
  /** A migration that has the right of way. */
  readonly waitsFor: string | undefined
  readonly nowMs: number
}

export type Action =
  /** From here the engine may record this plan at the shards and begin; it refuses when the plan would be another now. */
  | { readonly kind: 'start'; readonly planHash: string; readonly migrationId: string }
  /** Lets the engine work towards it, for a slice. */
  | { readonly kind: 'work'; readonly intent: EngineIntent }
  | { readonly kind: 'throttle'; readonly p95Ms: number; readonly limitMs: number }
  | { readonly kind: 'configure'; readonly config: FleetConfig; readonly revision: string }
  | { readonly kind: 'event'; readonly type: 'Normal' | 'Warning'; readonly reason: Reason; readonly message: string }
  | { readonly kind: 'consume'; readonly verb: Verb; readonly value: string }
  /** Lets go of the shards of this attempt (lease, connections). */
  | { readonly kind: 'release' }
  /** Everything that the object stood for is undone or finished: it may go. */
  | { readonly kind: 'forget' }

export interface Decided {
  readonly status: ShardMigrationStatus
  readonly actions: readonly Action[]
  /** When to look again, at the latest; undefined: when something changes. */
  readonly requeueAfterMs: number | undefined
}
