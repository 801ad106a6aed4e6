/**
 * Statuses of all kinds at telling moments, typed as the operator writes them: for the CRDs (nothing of them may be pruned), for
 * kstatus, and for what people are shown of them.
 */

import { type Condition, type ConditionStatus, nextConditions } from '../conditions.ts'
import { CRR_POLICY_KIND, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from '../group.ts'
import type { CrrPolicyStatus, PolicyPhase, PolicyStatus, TieringPolicyStatus } from '../policy-status.ts'
import { type Reason, sentence } from '../reasons.ts'
import type { Phase, PlanStatus, ShardMigrationStatus } from '../status.ts'

export interface StatusFixture {
  readonly kind: string
  readonly name: string
  readonly status: ShardMigrationStatus | CrrPolicyStatus | TieringPolicyStatus
  /** What kstatus makes of it. */
  readonly kstatus: 'Current' | 'InProgress' | 'Failed'
}

const NOW_MS = Date.UTC(2026, 9, 1, 12, 0, 0)
const at = (seconds: number): string => new Date(NOW_MS + seconds * 1000).toISOString()

type Reading = ShardMigrationStatus['gates'][number]
type Claims = Readonly<Record<string, readonly [ConditionStatus, Reason, string?]>>

const conditions = <T extends string>(claims: Claims): Condition<T>[] =>
  nextConditions<T>(
    [],
    Object.fromEntries(
      Object.entries(claims).map(([type, [status, reason, detail]]) => [type, { status, reason, ...(detail ? { detail } : {}) }]),
    ) as Record<T, { status: ConditionStatus; reason: Reason }>,
    1,
    NOW_MS,
  )

const slowReading: Reading = {
  metric: 'maxLatencyP95',
  subject: undefined,
  verdict: 'Fail',
  query: 'p95(latency) over 30 s of 3 of 3 pods',
  value: 412.5,
  threshold: 200,
  samples: 8123,
  atMs: NOW_MS + 95_000,
  message: '412.5 ms, allowed is at most 200 ms',
}
const errorsReading: Reading = {
  metric: 'maxErrorRate',
  subject: undefined,
  verdict: 'Pass',
  query: '100 * failed / total over 30 s of 3 of 3 pods',
  value: 0.12,
  threshold: 1,
  samples: 8123,
  atMs: NOW_MS + 95_000,
  message: '0.12 %, allowed is at most 1 %',
}
const fastReading: Reading = { ...slowReading, verdict: 'Pass', value: 41.25, message: '41.25 ms, allowed is at most 200 ms' }
const emptyReading: Reading = {
  metric: 'maxLatencyP95',
  subject: undefined,
  verdict: 'NoData',
  query: 'p95(latency) over 30 s of 3 of 3 pods',
  value: undefined,
  threshold: 200,
  samples: 12,
  atMs: NOW_MS + 95_000,
  message: '12 samples, at least 100 are needed',
}

const plan: PlanStatus = {
  hash: '3f6c2a90b1d4',
  madeAt: at(1),
  slots: 10_923,
  keys: 1_250_000,
  bytes: 412_000_000,
  copySeconds: 1250,
  moves: [
    { source: 'shard-0:6379', target: 'shard-1:6379', slots: 5462, keys: 625_100, bytes: 206_000_000 },
    { source: 'shard-0:6379', target: 'shard-2:6379', slots: 5461, keys: 624_900, bytes: 206_000_000 },
  ],
  steps: [1, 10, 50, 100],
  blastRadiusPercent: 66.7,
  leaving: [],
  warnings: ['shard-1:6379 keeps nothing on disk: a crash of it during the migration costs what it was given'],
}

const migration = (phase: Phase, change: Partial<ShardMigrationStatus>): ShardMigrationStatus => ({
  observedGeneration: 1,
  phase,
  message: '',
  progress: { keysCopied: 0, totalKeys: 0, bytesCopied: 0, percentage: 0, estimatedTimeRemaining: '' },
  conditions: [],
  attempt: 1,
  migrationId: undefined,
  plan,
  planHash: plan.hash,
  approvedHash: undefined,
  target: { upTo: 'planned', cutoverPercent: 0 },
  paused: false,
  halt: undefined,
  gates: [fastReading, errorsReading],
  gateTracks: [
    { metric: 'maxLatencyP95', subject: undefined, recent: ['Pass', 'Pass', 'Pass'], notPassingSinceMs: undefined },
    { metric: 'maxErrorRate', subject: undefined, recent: ['Pass', 'Pass', 'Pass'], notPassingSinceMs: undefined },
  ],
  judgement: { kind: 'pass' },
  watchFromMs: NOW_MS,
  watchedPercent: undefined,
  decisions: [],
  reversible: false,
  reverseLagSeconds: 0,
  noReturnAnnouncedAt: undefined,
  certificate: undefined,
  fleetConfig: undefined,
  verbs: [],
  specProblems: '',
  startedAt: undefined,
  phaseSinceMs: NOW_MS,
  endedAt: undefined,
  lastProgress: { mark: 'planned', atMs: NOW_MS },
  ...change,
})

const decision = <P extends string>(
  seconds: number,
  phase: P,
  action: string,
  reason: Reason,
  readings: readonly Reading[] = [],
) => ({
  at: at(seconds),
  phase,
  action,
  reason,
  message: sentence(reason),
  readings,
})

const slowHalt = (kind: 'Rollback' | 'Freeze') => ({
  kind,
  reason: 'GateFailed' as const,
  message: sentence('GateFailed', '(maxLatencyP95: 2 of the last 3 measurements failed: 412.5 ms, allowed is at most 200 ms)'),
  at: at(96),
  reading: slowReading,
})
const slowTracks = [
  {
    metric: 'maxLatencyP95' as const,
    subject: undefined,
    recent: ['Pass', 'Fail', 'Fail'] as const,
    notPassingSinceMs: NOW_MS + 90_000,
  },
  {
    metric: 'maxErrorRate' as const,
    subject: undefined,
    recent: ['Pass', 'Pass', 'Pass'] as const,
    notPassingSinceMs: undefined,
  },
]
const slowJudgement = {
  kind: 'fail' as const,
  why: 'failures' as const,
  reading: slowReading,
  text: '2 of the last 3 measurements failed: 412.5 ms, allowed is at most 200 ms',
}

const awaiting = migration('Planning', {
  message: sentence('AwaitingApproval'),
  conditions: conditions({
    Ready: ['False', 'AwaitingApproval'],
    Reconciling: ['True', 'AwaitingApproval'],
    Stalled: ['False', 'AwaitingApproval'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['False', 'AwaitingApproval', `(${plan.hash})`],
    GatePassed: ['True', 'GatesPassed'],
    Reversible: ['False', 'NothingToRollBack'],
  }),
  decisions: [decision(1, 'Planning', 'EnterPlanning', 'PlanPending')],
})

const cutover = migration('Cutover', {
  message: sentence('CuttingOver', '(10 % of the moving slots)'),
  progress: {
    keysCopied: 1_250_000,
    totalKeys: 1_250_000,
    bytesCopied: 412_000_000,
    percentage: 82.5,
    estimatedTimeRemaining: '',
  },
  migrationId: 'migration-cutover-0a1b2c3d-1',
  approvedHash: plan.hash,
  target: { upTo: 'cut-over', cutoverPercent: 10 },
  watchedPercent: 10,
  reversible: true,
  reverseLagSeconds: 0.4,
  fleetConfig: { shards: 'union', revision: 'c0ffee00', slowdownMs: 0 },
  verbs: [{ verb: 'approve', value: plan.hash, at: at(20), accepted: true, pending: false }],
  startedAt: at(21),
  lastProgress: { mark: 'cut-over 10', atMs: NOW_MS + 90_000 },
  conditions: conditions({
    Ready: ['False', 'CuttingOver'],
    Reconciling: ['True', 'CuttingOver'],
    Stalled: ['False', 'CuttingOver'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved', `(${plan.hash})`],
    GatePassed: ['True', 'GatesPassed'],
    CopyComplete: ['True', 'Done'],
    Verified: ['True', 'Done'],
    DualWriting: ['True', 'DualWriting'],
    CutOver: ['False', 'CuttingOver'],
    Reversible: ['True', 'CanRollBack'],
  }),
  decisions: [
    decision(1, 'Planning', 'EnterPlanning', 'PlanPending'),
    decision(20, 'Planning', 'Approve', 'Approved'),
    decision(21, 'Copying', 'EnterCopying', 'Copying'),
    decision(70, 'Verifying', 'EnterVerifying', 'Verifying'),
    decision(80, 'DualWrite', 'EnterDualWrite', 'DualWriting', [fastReading, errorsReading]),
    decision(90, 'Cutover', 'EnterCutover', 'CuttingOver', [fastReading, errorsReading]),
  ],
})

const frozen = migration('DualWrite', {
  message: sentence('Frozen'),
  progress: { ...cutover.progress, percentage: 80 },
  migrationId: 'migration-frozen-0a1b2c3d-1',
  target: { upTo: 'soaked', cutoverPercent: 0 },
  halt: slowHalt('Freeze'),
  gates: [slowReading, errorsReading],
  gateTracks: slowTracks,
  judgement: slowJudgement,
  reversible: true,
  startedAt: at(21),
  conditions: conditions({
    Ready: ['False', 'Frozen'],
    Reconciling: ['False', 'Frozen'],
    Stalled: ['True', 'Frozen'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved', `(${plan.hash})`],
    GatePassed: ['False', 'GateFailed', '(maxLatencyP95: 412.5 ms, allowed is at most 200 ms)'],
    Reversible: ['True', 'CanRollBack'],
  }),
  decisions: [
    decision(80, 'DualWrite', 'EnterDualWrite', 'DualWriting', [fastReading, errorsReading]),
    decision(96, 'DualWrite', 'Freeze', 'GateFailed', [slowReading, errorsReading]),
  ],
})

const rolledBack = migration('Failed', {
  message: sentence('RolledBack'),
  progress: { ...cutover.progress, percentage: 0 },
  migrationId: 'migration-rolled-back-0a1b2c3d-1',
  target: { upTo: 'cut-over', cutoverPercent: 10 },
  halt: slowHalt('Rollback'),
  gates: [slowReading, errorsReading],
  gateTracks: slowTracks,
  judgement: slowJudgement,
  startedAt: at(21),
  endedAt: at(140),
  conditions: conditions({
    Ready: ['False', 'GateFailed'],
    Reconciling: ['False', 'GateFailed'],
    Stalled: ['True', 'GateFailed'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved', `(${plan.hash})`],
    GatePassed: ['False', 'GateFailed', '(maxLatencyP95: 412.5 ms, allowed is at most 200 ms)'],
    Reversible: ['False', 'NothingToRollBack'],
  }),
  decisions: [
    decision(90, 'Cutover', 'EnterCutover', 'CuttingOver', [fastReading, errorsReading]),
    decision(96, 'Cutover', 'Rollback', 'GateFailed', [slowReading, errorsReading]),
    decision(97, 'RollingBack', 'EnterRollingBack', 'RollingBack', [slowReading, errorsReading]),
    decision(140, 'Failed', 'EnterFailed', 'RolledBack', [fastReading, errorsReading]),
  ],
})

const completed = migration('Completed', {
  message: sentence('MigrationComplete'),
  progress: { ...cutover.progress, percentage: 100 },
  migrationId: 'migration-completed-0a1b2c3d-1',
  target: { upTo: 'cleaned', cutoverPercent: 100 },
  noReturnAnnouncedAt: at(170),
  certificate: { contentId: 'sha256:5d41402abc4b2a76', issuedAt: at(169), slots: 10_923, keys: 1_250_000 },
  startedAt: at(21),
  endedAt: at(200),
  conditions: conditions({
    Ready: ['True', 'MigrationComplete'],
    Reconciling: ['False', 'MigrationComplete'],
    Stalled: ['False', 'MigrationComplete'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved', `(${plan.hash})`],
    GatePassed: ['True', 'GatesPassed'],
    Reversible: ['False', 'PointOfNoReturn'],
  }),
  decisions: [
    decision(160, 'Cutover', 'AnnounceNoReturn', 'PointOfNoReturn', [fastReading, errorsReading]),
    decision(170, 'Cleanup', 'EnterCleanup', 'CleaningUp', [fastReading, errorsReading]),
    decision(200, 'Completed', 'EnterCompleted', 'MigrationComplete', [fastReading, errorsReading]),
  ],
})

const policy = (phase: PolicyPhase, change: Partial<PolicyStatus>): PolicyStatus => ({
  observedGeneration: 1,
  phase,
  active: false,
  message: '',
  progress: { percentage: 0 },
  rollout: undefined,
  attempt: 1,
  plan: undefined,
  planHash: '77aa01c3d2e4',
  approvedHash: undefined,
  paused: false,
  halt: undefined,
  gates: [fastReading, errorsReading],
  gateTracks: [{ metric: 'maxLatencyP95', subject: undefined, recent: ['Pass'], notPassingSinceMs: undefined }],
  judgement: { kind: 'pass' },
  watchFromMs: NOW_MS,
  decisions: [],
  reversible: true,
  verbs: [],
  specProblems: '',
  phaseSinceMs: NOW_MS,
  lastProgress: { mark: '3 of 3', atMs: NOW_MS },
  ...change,
})

const rollout = (podsUpdated: number, reverting = false): NonNullable<PolicyStatus['rollout']> => ({
  revision: 'b7e2f1',
  previousRevision: 'a1c0d9',
  podsUpdated,
  podsTotal: 3,
  targetPods: podsUpdated,
  stepPercent: Math.round((podsUpdated / 3) * 100),
  watchingSinceMs: NOW_MS,
  reverting,
  startedAt: at(5),
  endedAt: undefined,
})

const unsupported: CrrPolicyStatus = {
  ...policy('Ready', {
    message: sentence('NotSupportedByFleet'),
    progress: { percentage: 100 },
    rollout: { ...rollout(3), endedAt: at(60) },
    decisions: [decision(60, 'Ready', 'EnterReady', 'NotSupportedByFleet', [fastReading, errorsReading])],
  }),
  replicationStats: undefined,
  lastShipTime: undefined,
  conditions: conditions({
    Ready: ['False', 'NotSupportedByFleet'],
    Reconciling: ['False', 'NotSupportedByFleet'],
    Stalled: ['True', 'NotSupportedByFleet'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved'],
    GatePassed: ['True', 'GatesPassed'],
    ReplicationInSync: ['Unknown', 'NotSupportedByFleet'],
    LagWithinBound: ['Unknown', 'NotSupportedByFleet'],
  }),
}

const progressing: CrrPolicyStatus = {
  ...policy('Progressing', {
    message: sentence('RevisionProgressing', '(1 of 3 pods)'),
    progress: { percentage: 33.3 },
    rollout: rollout(1),
    plan: {
      hash: '77aa01c3d2e4',
      madeAt: at(1),
      revision: 'b7e2f1',
      pods: ['fleet-0', 'fleet-1', 'fleet-2'],
      steps: [10, 50, 100],
      blastRadiusPercent: 33.3,
      warnings: [],
    },
    gates: [emptyReading, errorsReading],
    judgement: { kind: 'hold', why: 'no-data', reading: emptyReading },
    decisions: [decision(5, 'Progressing', 'EnterProgressing', 'RevisionProgressing')],
  }),
  replicationStats: { segmentsShipped: 120, bytesShipped: 9_000_000, lagSeconds: 3.5, shipErrors: 0, divergencePercent: 0 },
  lastShipTime: at(90),
  conditions: conditions({
    Ready: ['False', 'RevisionProgressing'],
    Reconciling: ['True', 'RevisionProgressing'],
    Stalled: ['False', 'RevisionProgressing'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved'],
    GatePassed: ['Unknown', 'GateNoData', '(maxLatencyP95: 12 samples, at least 100 are needed)'],
    ReplicationInSync: ['True', 'ReplicationInSync'],
    LagWithinBound: ['True', 'LagWithinBound'],
  }),
}

const tieringRolledBack: TieringPolicyStatus = {
  ...policy('RolledBack', {
    message: sentence('RevisionRolledBack'),
    rollout: { ...rollout(0, true), endedAt: at(120) },
    halt: slowHalt('Rollback'),
    gates: [slowReading, errorsReading],
    gateTracks: slowTracks,
    judgement: slowJudgement,
    reversible: false,
    decisions: [
      decision(5, 'Progressing', 'EnterProgressing', 'RevisionProgressing'),
      decision(96, 'Progressing', 'Rollback', 'GateFailed', [slowReading, errorsReading]),
      decision(120, 'RolledBack', 'EnterRolledBack', 'RevisionRolledBack'),
    ],
  }),
  tieringStats: {
    hotHits: 9000,
    warmHits: 400,
    coldHits: 12,
    promotions: 5,
    demotions: 3000,
    averageColdLatencyP95: 312.5,
    estimatedMonthlyCost: 41.25,
    costSavings: 63.5,
  },
  lastDemotionTime: at(60),
  conditions: conditions({
    Ready: ['False', 'RevisionRolledBack'],
    Reconciling: ['False', 'RevisionRolledBack'],
    Stalled: ['True', 'RevisionRolledBack'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved'],
    GatePassed: ['False', 'GateFailed', '(maxLatencyP95: 412.5 ms, allowed is at most 200 ms)'],
    TiersConsistent: ['True', 'TiersConsistent'],
  }),
}

const active: TieringPolicyStatus = {
  ...tieringRolledBack,
  ...policy('Ready', { active: true, message: sentence('PolicyActive'), progress: { percentage: 100 }, rollout: rollout(3) }),
  conditions: conditions({
    Ready: ['True', 'PolicyActive'],
    Reconciling: ['False', 'PolicyActive'],
    Stalled: ['False', 'PolicyActive'],
    Paused: ['False', 'Resumed'],
    PlanApproved: ['True', 'Approved'],
    GatePassed: ['True', 'GatesPassed'],
    TiersConsistent: ['True', 'TiersConsistent'],
  }),
}

export const statusFixtures = (): readonly StatusFixture[] => [
  { kind: SHARD_MIGRATION_KIND, name: 'migration-awaiting', status: awaiting, kstatus: 'InProgress' },
  { kind: SHARD_MIGRATION_KIND, name: 'migration-cutover', status: cutover, kstatus: 'InProgress' },
  { kind: SHARD_MIGRATION_KIND, name: 'migration-frozen', status: frozen, kstatus: 'Failed' },
  { kind: SHARD_MIGRATION_KIND, name: 'migration-rolled-back', status: rolledBack, kstatus: 'Failed' },
  { kind: SHARD_MIGRATION_KIND, name: 'migration-completed', status: completed, kstatus: 'Current' },
  { kind: CRR_POLICY_KIND, name: 'crr-unsupported', status: unsupported, kstatus: 'Failed' },
  { kind: CRR_POLICY_KIND, name: 'crr-progressing', status: progressing, kstatus: 'InProgress' },
  { kind: TIERING_POLICY_KIND, name: 'tiering-rolled-back', status: tieringRolledBack, kstatus: 'Failed' },
  { kind: TIERING_POLICY_KIND, name: 'tiering-active', status: active, kstatus: 'Current' },
]
