/**
 * The `ShardMigration` custom resource: one schema for validation, for the type, and for the CRD that is generated from it. The first
 * seven fields are those that existing manifests carry; the ones below them were added beside, never instead.
 */
import Type from 'typebox'
import * as D from './defaults.ts'
import type { ObjectMeta } from './group.ts'

const SECONDS_PER_DAY = 86_400
const closed = { additionalProperties: false } as const

const shardList = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 256, description })
const seconds = (value: number, minimum: number, description: string) =>
  Type.Optional(Type.Number({ minimum, maximum: SECONDS_PER_DAY, default: value, description }))
const integer = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum, default: value, description }))

export const HealthGatesSchema = Type.Object(
  {
    maxLatencyP95: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 60_000,
        default: D.DEFAULT_MAX_LATENCY_P95_MS,
        description: 'Limit in milliseconds of the 95th percentile of the fleet.',
      }),
    ),
    maxErrorRate: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        default: D.DEFAULT_MAX_ERROR_RATE_PERCENT,
        description: 'Limit in percent of submissions answered with 5xx.',
      }),
    ),
    minDedupHitRatio: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        default: D.DEFAULT_MIN_DEDUP_HIT_RATIO_PERCENT,
        description: 'Least percent of decided submissions that were duplicates. 0 switches this gate off.',
      }),
    ),
  },
  closed,
)

export const GatePolicySchema = Type.Object(
  {
    windowSeconds: seconds(D.DEFAULT_GATE_WINDOW_SECONDS, 0.1, 'Traffic that one measurement looks at.'),
    intervalSeconds: seconds(D.DEFAULT_GATE_INTERVAL_SECONDS, 0.05, 'Time between two measurements.'),
    minSamples: integer(D.DEFAULT_GATE_MIN_SAMPLES, 1, 1e9, 'Fewer samples than this are NoData.'),
    failures: integer(D.DEFAULT_GATE_FAILURES, 1, 100, 'A gate fails when this many of the last `of` measurements failed.'),
    of: integer(D.DEFAULT_GATE_OF, 1, 100, 'How many of the last measurements count.'),
    onNoData: Type.Optional(
      Type.Enum(['Hold', 'Fail', 'Pass'], {
        default: 'Hold',
        description:
          'What a measurement without (enough) samples does: wait until the progress deadline, count as a failure, or not stand in the way.',
      }),
    ),
  },
  closed,
)

export const ShardMigrationSpecSchema = Type.Object(
  {
    sourceShards: shardList('Addresses of all shards that own the slots now.'),
    targetShards: shardList('Addresses of all shards that own the slots afterwards; a shard in both lists stays.'),
    dedupBackend: Type.Enum(['redis', 'postgres'], { description: 'Kind of the shards.' }),
    batchSize: integer(D.DEFAULT_BATCH_SIZE, 1, 100_000, 'Keys per copy call.'),
    throttleQPS: integer(
      D.DEFAULT_THROTTLE_QPS,
      1,
      10_000_000,
      'Ceiling of the copy in keys per second; it backs off below it when the fleet nears its latency gate.',
    ),
    healthGates: Type.Optional(HealthGatesSchema),
    autoRollback: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'true: a failed gate rolls back; false: it freezes. `onGateFailure` says the same in words and wins.',
      }),
    ),

    approval: Type.Optional(
      Type.Enum(['Auto', 'Manual'], {
        default: 'Auto',
        description: 'Manual: nothing moves before the annotation fractal.lba.io/approve carries the plan hash.',
      }),
    ),
    onGateFailure: Type.Optional(
      Type.Enum(['Rollback', 'Freeze'], { description: 'What a failed gate does. Default: as autoRollback says.' }),
    ),
    gates: Type.Optional(GatePolicySchema),
    steps: Type.Optional(
      Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 100 }), {
        minItems: 1,
        maxItems: 20,
        default: [...D.DEFAULT_STEPS_PERCENT],
        description: 'Percent of the moving slots that are cut over after each step; rises to 100.',
      }),
    ),
    stepSeconds: seconds(D.DEFAULT_STEP_SECONDS, 0, 'Each cutover step is watched at least this long.'),
    soakSeconds: seconds(
      D.DEFAULT_SOAK_SECONDS,
      0,
      'Time in DualWrite before the cutover, and after it before the point of no return.',
    ),
    maxLagSeconds: seconds(D.DEFAULT_MAX_LAG_SECONDS, 0.05, 'Captured writes may be this far behind.'),
    progressDeadlineSeconds: seconds(
      D.DEFAULT_PROGRESS_DEADLINE_SECONDS,
      1,
      'Longest time without progress, or without an answer from a gate that holds.',
    ),
    deletionPolicy: Type.Optional(
      Type.Enum(['Abort', 'Finish', 'Orphan'], {
        default: 'Abort',
        description: 'What deleting the resource in mid-flight does: undo, finish first, or leave the shards as they are.',
      }),
    ),
    dryRun: Type.Optional(Type.Boolean({ default: false, description: 'Stop after the plan.' })),
    paused: Type.Optional(Type.Boolean({ default: false, description: 'Hold where it stands; gates go on being measured.' })),
    vnodes: integer(
      D.DEFAULT_VNODES,
      1,
      D.MAX_VNODES,
      'Points a shard on the hash circle; the same as DEDUP_VNODES of the pods.',
    ),
  },
  closed,
)

/** What a user may write: most fields are optional. */
export type ShardMigrationInput = Type.Static<typeof ShardMigrationSpecSchema>

type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }
export type HealthGates = Filled<Type.Static<typeof HealthGatesSchema>>
export type GatePolicy = Filled<Type.Static<typeof GatePolicySchema>>

/** A spec that was checked and has every default filled in; nothing else in this room reads an unchecked one. */
export type ShardMigrationSpec = Omit<Filled<ShardMigrationInput>, 'healthGates' | 'gates'> & {
  readonly healthGates: HealthGates
  readonly gates: GatePolicy
}

export interface ShardMigration {
  readonly metadata: ObjectMeta
  readonly spec: ShardMigrationSpec
}

export function withDefaults(input: ShardMigrationInput): ShardMigrationSpec {
  const autoRollback = input.autoRollback ?? true
  return {
    sourceShards: input.sourceShards,
    targetShards: input.targetShards,
    dedupBackend: input.dedupBackend,
    batchSize: input.batchSize ?? D.DEFAULT_BATCH_SIZE,
    throttleQPS: input.throttleQPS ?? D.DEFAULT_THROTTLE_QPS,
    healthGates: {
      maxLatencyP95: input.healthGates?.maxLatencyP95 ?? D.DEFAULT_MAX_LATENCY_P95_MS,
      maxErrorRate: input.healthGates?.maxErrorRate ?? D.DEFAULT_MAX_ERROR_RATE_PERCENT,
      minDedupHitRatio: input.healthGates?.minDedupHitRatio ?? D.DEFAULT_MIN_DEDUP_HIT_RATIO_PERCENT,
    },
    autoRollback,
    approval: input.approval ?? 'Auto',
    onGateFailure: input.onGateFailure ?? (autoRollback ? 'Rollback' : 'Freeze'),
    gates: {
      windowSeconds: input.gates?.windowSeconds ?? D.DEFAULT_GATE_WINDOW_SECONDS,
      intervalSeconds: input.gates?.intervalSeconds ?? D.DEFAULT_GATE_INTERVAL_SECONDS,
      minSamples: input.gates?.minSamples ?? D.DEFAULT_GATE_MIN_SAMPLES,
      failures: input.gates?.failures ?? Math.min(D.DEFAULT_GATE_FAILURES, input.gates?.of ?? D.DEFAULT_GATE_FAILURES),
      of: input.gates?.of ?? Math.max(D.DEFAULT_GATE_OF, input.gates?.failures ?? 0),
      onNoData: input.gates?.onNoData ?? 'Hold',
    },
    steps: input.steps ?? [...D.DEFAULT_STEPS_PERCENT],
    stepSeconds: input.stepSeconds ?? D.DEFAULT_STEP_SECONDS,
    soakSeconds: input.soakSeconds ?? D.DEFAULT_SOAK_SECONDS,
    maxLagSeconds: input.maxLagSeconds ?? D.DEFAULT_MAX_LAG_SECONDS,
    progressDeadlineSeconds: input.progressDeadlineSeconds ?? D.DEFAULT_PROGRESS_DEADLINE_SECONDS,
    deletionPolicy: input.deletionPolicy ?? 'Abort',
    dryRun: input.dryRun ?? false,
    paused: input.paused ?? false,
    vnodes: input.vnodes ?? D.DEFAULT_VNODES,
  }
}
