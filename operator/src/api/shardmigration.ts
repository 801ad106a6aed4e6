/**
 * The `ShardMigration` custom resource: one schema for validation, for the type, and for the CRD that is generated from it. The first
 * seven fields are those that existing manifests carry; the ones below them were added beside, never instead.
 */
import Type from 'typebox'
import * as D from './defaults.ts'
import * as F from './fields.ts'
import type { ObjectMeta } from './group.ts'
import { cel, immutable, immutableChild, NAMED_LIMITS, SET } from './rules.ts'

const MAX_SHARDS = 256
const MAX_ADDRESS_LENGTH = 512

const shardList = (description: string) =>
  Type.Array(
    Type.String({
      minLength: 1,
      maxLength: MAX_ADDRESS_LENGTH,
      ...cel(
        {
          rule: "self.matches('^(redis|rediss|postgres|postgresql)://')",
          message: 'must start with redis://, rediss://, postgres:// or postgresql://',
        },
        {
          rule: "!self.matches('^[a-z]+://[^/]*@')",
          message: "must hold no credentials; put them into the fleet's credentials Secret, and write redis://host:port",
        },
      ),
    }),
    {
      minItems: 1,
      maxItems: MAX_SHARDS,
      description,
      ...SET,
      ...cel(immutable('a migration keeps the shards that it was planned for; delete it and create another')),
    },
  )

const kindMatches = (field: 'sourceShards' | 'targetShards') => ({
  rule: `self.${field}.all(shard, shard.startsWith(self.dedupBackend))`,
  messageExpression: `'must all be ' + self.dedupBackend + ' addresses, as spec.dedupBackend says'`,
  message: 'must all be addresses of the kind that spec.dedupBackend names',
  fieldPath: `.${field}`,
})

export const HealthGatesSchema = Type.Object(
  {
    maxLatencyP95: F.latencyGate(D.DEFAULT_MAX_LATENCY_P95_MS),
    maxErrorRate: F.percentGate(D.DEFAULT_MAX_ERROR_RATE_PERCENT, 'Limit in percent of submissions answered with 5xx.'),
    minDedupHitRatio: F.percentGate(
      D.DEFAULT_MIN_DEDUP_HIT_RATIO_PERCENT,
      'Least percent of decided submissions that were duplicates. 0 switches this gate off.',
    ),
  },
  { ...F.closed, [NAMED_LIMITS]: 'gate', description: 'What must hold for a step to be taken.' },
)

export const ShardMigrationSpecSchema = Type.Object(
  {
    sourceShards: shardList('Addresses of all shards that own the slots now.'),
    targetShards: shardList('Addresses of all shards that own the slots afterwards; a shard in both lists stays.'),
    dedupBackend: Type.Enum(['redis', 'postgres'], {
      description: 'Kind of the shards.',
      ...cel(immutable('records are not moved between kinds of stores; create another ShardMigration')),
    }),
    batchSize: F.integer(D.DEFAULT_BATCH_SIZE, 1, 100_000, 'Keys per copy call at most; less under a throttle.'),
    throttleQPS: F.integer(
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

    fleet: F.fleet,
    approval: F.approval,
    onGateFailure: Type.Optional(F.onGateFailure('What a failed gate does. Default: as autoRollback says.')),
    gates: Type.Optional(F.GatePolicySchema),
    steps: F.steps(D.DEFAULT_STEPS_PERCENT, 'Percent of the moving slots that are cut over after each step; rises to 100.'),
    stepSeconds: F.seconds(D.DEFAULT_STEP_SECONDS, 0, 'Each cutover step is watched at least this long.'),
    soakSeconds: F.seconds(
      D.DEFAULT_SOAK_SECONDS,
      0,
      'Time in DualWrite before the cutover, and after it before the point of no return.',
    ),
    maxLagSeconds: F.seconds(D.DEFAULT_MAX_LAG_SECONDS, 0.05, 'Captured writes may be this far behind.'),
    progressDeadlineSeconds: F.progressDeadlineSeconds,
    deletionPolicy: F.deletionPolicy(
      'What deleting the resource in mid-flight does: undo, finish first, or leave the shards as they are.',
    ),
    dryRun: F.dryRun,
    paused: F.paused,
    vnodes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: D.MAX_VNODES,
        default: D.DEFAULT_VNODES,
        description: 'Points a shard on the hash circle; the same as DEDUP_VNODES of the pods.',
        ...cel(immutable('which slots move depends on it; delete the migration and create another')),
      }),
    ),
  },
  {
    ...F.closed,
    ...cel(
      {
        rule: 'self.sourceShards.size() != self.targetShards.size() || !self.sourceShards.all(shard, shard in self.targetShards)',
        message: 'are the source shards; name the shards that shall own the slots afterwards',
        fieldPath: '.targetShards',
      },
      kindMatches('sourceShards'),
      kindMatches('targetShards'),
      F.deadlineCoversWindow,
      immutableChild('fleet', 'a migration belongs to one fleet; delete it and create another'),
    ),
  },
)

/** What a user may write: most fields are optional. */
export type ShardMigrationInput = Type.Static<typeof ShardMigrationSpecSchema>

export type HealthGates = F.Filled<Type.Static<typeof HealthGatesSchema>>

/** A spec that was checked and has every default filled in; nothing else in this room reads an unchecked one. */
export type ShardMigrationSpec = Omit<F.Filled<ShardMigrationInput>, 'healthGates' | 'gates' | 'fleet'> & {
  readonly healthGates: HealthGates
  readonly gates: F.GatePolicy
  readonly fleet: string | undefined
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
    fleet: input.fleet,
    approval: input.approval ?? 'Auto',
    onGateFailure: input.onGateFailure ?? (autoRollback ? 'Rollback' : 'Freeze'),
    gates: F.gatePolicyWithDefaults(input.gates),
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
