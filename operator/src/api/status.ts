/**
 * The status of a `ShardMigration`: what users read, and all that a controller remembers between two looks besides what the shards
 * say. Shards appear by id, never by address, so a status can be shown to anyone.
 */
import type { GateReading } from '../rollout/gates.ts'
import type { GateTrack, Judgement } from '../rollout/verdict.ts'
import type { Condition } from './conditions.ts'
import type { Verb } from './group.ts'
import type { Reason } from './reasons.ts'

export const PHASES = [
  'Pending',
  'Planning',
  'Copying',
  'Verifying',
  'DualWrite',
  'Cutover',
  'Cleanup',
  'Completed',
  'Failed',
  'RollingBack',
] as const
export type Phase = (typeof PHASES)[number]

/** Decisions that are kept. */
export const MAX_DECISIONS = 10

export interface Progress {
  readonly keysCopied: number
  readonly totalKeys: number
  readonly bytesCopied: number
  /** Of the present direction, 0..100. */
  readonly percentage: number
  /** e.g. `1m20s`; empty while it cannot be told. */
  readonly estimatedTimeRemaining: string
}

export interface PlanStatus {
  readonly hash: string
  readonly madeAt: string
  readonly slots: number
  readonly keys: number
  readonly bytes: number
  readonly copySeconds: number
  readonly moves: readonly {
    readonly source: string
    readonly target: string
    readonly slots: number
    readonly keys: number
    readonly bytes: number
  }[]
  /** Percent of the moving slots after each step. */
  readonly steps: readonly number[]
  /** Share of all slots, and so of the traffic, that a failed cutover could touch, in percent. */
  readonly blastRadiusPercent: number
  /** Shards that own nothing once the migration has completed. */
  readonly leaving: readonly string[]
  readonly warnings: readonly string[]
}

/** One decision with what it saw. */
export interface DecisionRecord {
  readonly at: string
  readonly phase: Phase
  readonly action: string
  readonly reason: Reason
  readonly message: string
  readonly readings: readonly GateReading[]
}

/** A verb as it was taken from the object's annotations. `pending` until the annotation was seen to be gone. */
export interface VerbEcho {
  readonly verb: Verb
  readonly value: string
  readonly at: string
  readonly accepted: boolean
  readonly pending: boolean
}

export const MILESTONES = ['planned', 'copied', 'verified', 'soaked', 'cut-over', 'certified', 'cleaned'] as const
export type Milestone = (typeof MILESTONES)[number]

/** How far the engine may go. */
export interface Target {
  readonly upTo: Milestone
  readonly cutoverPercent: number
}

/** Why a migration does not go on. Stays until a retry, a change of the spec, or for ever. */
export interface Halt {
  readonly kind: 'Rollback' | 'Freeze' | 'Abort'
  readonly reason: Reason
  readonly message: string
  readonly at: string
  /** The measurement that caused it. */
  readonly reading: GateReading | undefined
}

export interface ShardMigrationStatus {
  readonly observedGeneration: number
  readonly phase: Phase
  readonly message: string
  readonly progress: Progress
  readonly conditions: readonly Condition[]
  readonly attempt: number
  /** Under which the shards know this attempt; undefined before the plan was recorded there. */
  readonly migrationId: string | undefined
  readonly plan: PlanStatus | undefined
  readonly planHash: string | undefined
  readonly approvedHash: string | undefined
  readonly target: Target
  /** By annotation; `spec.paused` is beside it. */
  readonly paused: boolean
  readonly halt: Halt | undefined
  readonly gates: readonly GateReading[]
  readonly gateTracks: readonly GateTrack[]
  readonly judgement: Judgement
  /** Measurements look at traffic since then at most: a step is judged by what happened after it. */
  readonly watchFromMs: number
  /** The cutover step whose watch began at `watchFromMs`. */
  readonly watchedPercent: number | undefined
  readonly decisions: readonly DecisionRecord[]
  readonly reversible: boolean
  readonly reverseLagSeconds: number
  /** When the point of no return was announced; it is passed later than that. */
  readonly noReturnAnnouncedAt: string | undefined
  readonly certificate:
    | { readonly contentId: string; readonly issuedAt: string; readonly slots: number; readonly keys: number }
    | undefined
  /** Config that the fleet was last given: `sources`, `union` or `targets`. */
  readonly fleetConfig:
    | { readonly shards: 'sources' | 'union' | 'targets'; readonly revision: string; readonly slowdownMs: number }
    | undefined
  readonly verbs: readonly VerbEcho[]
  /** What is wrong with the manifest as it is now; empty when nothing is. */
  readonly specProblems: string
  readonly startedAt: string | undefined
  readonly phaseSinceMs: number
  readonly endedAt: string | undefined
  /** What last moved, and when: the progress deadline counts from there. */
  readonly lastProgress: { readonly mark: string; readonly atMs: number }
}
