/**
 * Specs that are good, and specs that are not: one table that both the API server (with the CRDs) and the operator's own validation are held
 * against. A bad spec is a good one with a change; `says` is what the API server answers, field and remedy.
 */
import { CRR_POLICY_KIND, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from '../group.ts'

export type Fields = Readonly<Record<string, unknown>>

export const GOOD: Readonly<Record<string, Fields>> = {
  [SHARD_MIGRATION_KIND]: {
    sourceShards: ['redis://shard-0:6379'],
    targetShards: ['redis://shard-0:6379', 'redis://shard-1:6379'],
    dedupBackend: 'redis',
  },
  [CRR_POLICY_KIND]: { sourceRegion: 'us-east', targetRegions: ['eu-west', 'ap-south'] },
  [TIERING_POLICY_KIND]: {
    hotTier: { backend: 'redis', ttl: '1h' },
    warmTier: { backend: 'postgres', ttl: '7d' },
    coldTier: { backend: 's3', ttl: '90d' },
  },
}

/** A field of `change` that is undefined is taken away. */
export const changed = (spec: Fields, change: Fields): Fields =>
  Object.fromEntries(Object.entries({ ...spec, ...change }).filter(([, value]) => value !== undefined))

export interface BadSpec {
  readonly kind: string
  readonly what: string
  readonly change: Fields
  readonly says: readonly string[]
  /** Refused as a change of the good spec only; the operator, which sees no older spec, accepts it. */
  readonly update?: true
}

type Row = readonly [what: string, change: Fields, ...says: string[]]

const rows = (kind: string, of: readonly Row[]): BadSpec[] => of.map(([what, change, ...says]) => ({ kind, what, change, says }))
const updates = (kind: string, of: readonly Row[]): BadSpec[] => rows(kind, of).map((row) => ({ ...row, update: true }))

const A = 'redis://a:6379'
const B = 'redis://b:6379'
const PG = 'postgres://a:5432/dedup'
const tier = (name: 'hot' | 'warm' | 'cold', change: Fields): Fields => ({
  [`${name}Tier`]: changed(GOOD[TIERING_POLICY_KIND]?.[`${name}Tier`] as Fields, change),
})
const many = (count: number, of: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => of(i))
const NO_CREDENTIALS = "must hold no credentials; put them into the fleet's credentials Secret"
const SCHEMES = 'must start with redis://, rediss://, postgres:// or postgresql://'
const NAME_FORM = 'must consist of lower-case letters, digits and dashes'
const DURATION = 'must be a duration above zero and of at most ten years, such as 30s, 1h30m or 7d'

/** Fields that all kinds share, at the same place in each. */
const shared: readonly Row[] = [
  ['an approval that does not exist', { approval: 'Sometimes' }, 'spec.approval', 'supported values: "Auto", "Manual"'],
  ['another failure policy', { onGateFailure: 'Ignore' }, 'spec.onGateFailure', 'supported values: "Rollback", "Freeze"'],
  ['another deletion policy', { deletionPolicy: 'Keep' }, 'spec.deletionPolicy', 'supported values: "Abort", "Finish", "Orphan"'],
  ['a text for paused', { paused: 'yes' }, 'spec.paused', 'must be of type boolean'],
  ['a text for dryRun', { dryRun: 'true' }, 'spec.dryRun', 'must be of type boolean'],
  ['a fleet with capitals', { fleet: 'Fleet' }, 'spec.fleet', NAME_FORM],
  ['a fleet with a long name', { fleet: 'a'.repeat(64) }, 'spec.fleet', '63'],
  ['an empty fleet', { fleet: '' }, 'spec.fleet', 'at least 1'],
  ['more failures than measurements', { gates: { failures: 4, of: 3 } }, 'spec.gates.failures', 'must be at most gates.of'],
  [
    'gaps between measurements',
    { gates: { windowSeconds: 1, intervalSeconds: 5 } },
    'spec.gates.intervalSeconds',
    'must be at most gates.windowSeconds',
  ],
  ['a window of zero', { gates: { windowSeconds: 0 } }, 'spec.gates.windowSeconds', 'greater than or equal to 0.1'],
  ['no samples', { gates: { minSamples: 0 } }, 'spec.gates.minSamples', 'greater than or equal to 1'],
  ['half a failure', { gates: { failures: 1.5 } }, 'spec.gates.failures', 'must be of type integer'],
  [
    'another answer to no data',
    { gates: { onNoData: 'Guess' } },
    'spec.gates.onNoData',
    'supported values: "Hold", "Fail", "Pass"',
  ],
  ['no steps', { steps: [] }, 'spec.steps', 'at least 1 items'],
  ['steps that do not end', { steps: [1, 50] }, 'spec.steps', 'must end at 100'],
  ['steps that fall', { steps: [50, 10, 100] }, 'spec.steps', 'must rise from step to step'],
  ['a step twice', { steps: [10, 10, 100] }, 'spec.steps', 'must rise from step to step'],
  ['a step of zero', { steps: [0, 100] }, 'spec.steps[0]', 'greater than 0'],
  ['a step beyond all', { steps: [50, 150] }, 'spec.steps[1]', 'less than or equal to 100'],
  ['too many steps', { steps: many(21, String).map((text) => Number(text) + 80) }, 'spec.steps', 'at most 20 items'],
  [
    'a deadline within a window',
    { progressDeadlineSeconds: 5, gates: { windowSeconds: 30 } },
    'spec.progressDeadlineSeconds',
    'must be at least gates.windowSeconds',
  ],
  ['a step longer than a day', { stepSeconds: 86_401 }, 'spec.stepSeconds', 'less than or equal to 86400'],
  ['a gate that does not exist', { healthGates: { maxCpu: 3 } }, 'spec.healthGates', 'there is no gate "maxCpu"; the gates are '],
  ['a gate that is a text', { healthGates: { maxErrorRate: 'low' } }, 'spec.healthGates.maxErrorRate', 'must be of type number'],
  ['an error rate below zero', { healthGates: { maxErrorRate: -1 } }, 'spec.healthGates', 'maxErrorRate must be from 0 to 100'],
  ['an error rate above all', { healthGates: { maxErrorRate: 101 } }, 'spec.healthGates', 'maxErrorRate must be from 0 to 100'],
  ['a latency of zero', { healthGates: { maxLatencyP95: 0 } }, 'spec.healthGates', 'maxLatencyP95 must be from 0.001 to 60000'],
  [
    'a hit ratio above all',
    { healthGates: { minDedupHitRatio: 200 } },
    'spec.healthGates',
    'minDedupHitRatio must be from 0 to 100',
  ],
]

const migrations: readonly Row[] = [
  ['no sources', { sourceShards: undefined }, 'spec.sourceShards', 'Required value'],
  ['no targets', { targetShards: undefined }, 'spec.targetShards', 'Required value'],
  ['no kind of store', { dedupBackend: undefined }, 'spec.dedupBackend', 'Required value'],
  ['another store', { dedupBackend: 'memory' }, 'spec.dedupBackend', 'supported values: "redis", "postgres"'],
  ['an empty list of sources', { sourceShards: [] }, 'spec.sourceShards', 'at least 1 items'],
  ['an empty list of targets', { targetShards: [] }, 'spec.targetShards', 'at least 1 items'],
  ['one address for a list', { targetShards: B }, 'spec.targetShards', 'must be of type array'],
  ['a number for an address', { targetShards: [6379] }, 'spec.targetShards[0]', 'must be of type string'],
  ['an empty address', { targetShards: [''] }, 'spec.targetShards[0]', 'at least 1 chars'],
  ['an address without scheme', { targetShards: ['b:6379'] }, 'spec.targetShards[0]', SCHEMES],
  ['an address of another store', { targetShards: ['mysql://b/x'] }, 'spec.targetShards[0]', SCHEMES],
  ['a shard of simulations', { targetShards: ['memory://b'] }, 'spec.targetShards[0]', SCHEMES],
  ['an address that is too long', { targetShards: [`redis://${'b'.repeat(600)}`] }, 'spec.targetShards[0]', '512'],
  ['a password', { targetShards: ['redis://:secret@b:6379'] }, 'spec.targetShards[0]', NO_CREDENTIALS],
  ['a user and a password', { sourceShards: ['redis://user:secret@a:6379'] }, 'spec.sourceShards[0]', NO_CREDENTIALS],
  [
    'a database password',
    { sourceShards: [PG], targetShards: ['postgres://u:secret@b:5432/dedup'], dedupBackend: 'postgres' },
    'spec.targetShards[0]',
    NO_CREDENTIALS,
  ],
  ['a source twice', { sourceShards: [A, A] }, 'spec.sourceShards[1]', 'Duplicate value'],
  ['a target twice', { targetShards: [A, B, A] }, 'spec.targetShards[2]', 'Duplicate value'],
  [
    'nothing to move',
    { targetShards: ['redis://shard-0:6379'] },
    'spec.targetShards',
    'are the source shards; name the shards that',
  ],
  [
    'nothing to move, in another order',
    { sourceShards: [A, B], targetShards: [B, A] },
    'spec.targetShards',
    'are the source shards; name the shards that',
  ],
  [
    'sources of another kind',
    { sourceShards: [PG] },
    'spec.sourceShards',
    'must all be redis addresses, as spec.dedupBackend says',
  ],
  [
    'targets of another kind',
    { targetShards: [PG] },
    'spec.targetShards',
    'must all be redis addresses, as spec.dedupBackend says',
  ],
  ['both of another kind', { dedupBackend: 'postgres' }, 'spec.sourceShards', 'must all be postgres addresses'],
  ['targets of mixed kinds', { targetShards: [A, PG] }, 'spec.targetShards', 'must all be redis addresses'],
  ['too many shards', { targetShards: many(257, (i) => `redis://s${i}`) }, 'spec.targetShards', '256'],
  ['a text for a number', { batchSize: '1000' }, 'spec.batchSize', 'must be of type integer'],
  ['a batch of nothing', { batchSize: 0 }, 'spec.batchSize', 'greater than or equal to 1'],
  ['a batch too large', { batchSize: 1e6 }, 'spec.batchSize', 'less than or equal to 100000'],
  ['half a key', { batchSize: 0.5 }, 'spec.batchSize', 'must be of type integer'],
  ['a copy that stands', { throttleQPS: 0 }, 'spec.throttleQPS', 'greater than or equal to 1'],
  ['a text for autoRollback', { autoRollback: 'true' }, 'spec.autoRollback', 'must be of type boolean'],
  ['a soak of less than nothing', { soakSeconds: -1 }, 'spec.soakSeconds', 'greater than or equal to 0'],
  ['a lag of nothing', { maxLagSeconds: 0 }, 'spec.maxLagSeconds', 'greater than or equal to 0.05'],
  ['a circle without points', { vnodes: 0 }, 'spec.vnodes', 'greater than or equal to 1'],
  ['a gate of another kind', { healthGates: { maxLagSeconds: 60 } }, 'spec.healthGates', 'there is no gate "maxLagSeconds"'],
]

const crr: readonly Row[] = [
  ['no source', { sourceRegion: undefined }, 'spec.sourceRegion', 'Required value'],
  ['no targets', { targetRegions: undefined }, 'spec.targetRegions', 'Required value'],
  ['an empty list of targets', { targetRegions: [] }, 'spec.targetRegions', 'at least 1 items'],
  ['one region for a list', { targetRegions: 'eu-west' }, 'spec.targetRegions', 'must be of type array'],
  ['a region with capitals', { sourceRegion: 'US-East' }, 'spec.sourceRegion', NAME_FORM],
  ['a region with a blank', { targetRegions: ['eu west'] }, 'spec.targetRegions[0]', NAME_FORM],
  ['a region with a long name', { targetRegions: ['r'.repeat(64)] }, 'spec.targetRegions[0]', '63'],
  ['a region twice', { targetRegions: ['eu-west', 'eu-west'] }, 'spec.targetRegions[1]', 'Duplicate value'],
  [
    'the source among the targets',
    { targetRegions: ['eu-west', 'us-east'] },
    'spec.targetRegions',
    'must not hold the source region us-east',
  ],
  ['too many regions', { targetRegions: many(33, (i) => `r-${i}`) }, 'spec.targetRegions', '32'],
  ['another mode', { replicationMode: 'some' }, 'spec.replicationMode', 'supported values: "full", "selective", "multi-way"'],
  [
    'selective without a selector',
    { replicationMode: 'selective' },
    'spec.tenantSelector',
    'is needed by replicationMode selective',
  ],
  [
    'selective with an empty selector',
    { replicationMode: 'selective', tenantSelector: {} },
    'spec.tenantSelector',
    'is needed by replicationMode selective: give include, exclude or matchLabels',
  ],
  [
    'selective with empty lists',
    { replicationMode: 'selective', tenantSelector: { include: [], exclude: [], matchLabels: {} } },
    'spec.tenantSelector',
    'is needed by replicationMode selective',
  ],
  [
    'a selector that nobody reads',
    { tenantSelector: { include: ['t'] } },
    'spec.tenantSelector',
    'is read in replicationMode selective only',
  ],
  [
    'a tenant both in and out',
    { replicationMode: 'selective', tenantSelector: { include: ['a', 'b'], exclude: ['b'] } },
    'spec.tenantSelector.exclude',
    'names a tenant that is in include too; take it out of one of them',
  ],
  [
    'a tenant twice',
    { replicationMode: 'selective', tenantSelector: { include: ['a', 'a'] } },
    'spec.tenantSelector.include[1]',
    'Duplicate value',
  ],
  [
    'a label that is a number',
    { replicationMode: 'selective', tenantSelector: { matchLabels: { tier: 1 } } },
    'spec.tenantSelector.matchLabels.tier',
    'must be of type string',
  ],
  [
    'multi-way with one region',
    { replicationMode: 'multi-way', targetRegions: ['eu-west'] },
    'spec.targetRegions',
    'must name at least two regions in replicationMode multi-way',
  ],
  ['an interval without unit', { shipInterval: '30' }, 'spec.shipInterval', DURATION],
  ['an interval that is a number', { shipInterval: 30 }, 'spec.shipInterval', 'must be of type string'],
  ['an interval of nothing', { shipInterval: '0s' }, 'spec.shipInterval', DURATION],
  ['an interval of words', { shipInterval: 'often' }, 'spec.shipInterval', DURATION],
  ['an interval below nothing', { shipInterval: '-30s' }, 'spec.shipInterval', DURATION],
  ['an interval longer than ten years', { shipInterval: '3651d' }, 'spec.shipInterval', DURATION],
  ['a priority of nothing', { priority: 0 }, 'spec.priority', 'greater than or equal to 1'],
  ['a priority above all', { priority: 11 }, 'spec.priority', 'less than or equal to 10'],
  ['retries below nothing', { maxRetries: -1 }, 'spec.maxRetries', 'greater than or equal to 0'],
  [
    'half an error',
    { healthGates: { maxShipErrors: 1.5 } },
    'spec.healthGates',
    'maxShipErrors must be a whole number from 0 to 1000000000',
  ],
  ['a lag of nothing', { healthGates: { maxLagSeconds: 0 } }, 'spec.healthGates', 'maxLagSeconds must be from 0.001 to 86400'],
  [
    'more divergence than all',
    { healthGates: { maxDivergencePercent: 100.5 } },
    'spec.healthGates',
    'maxDivergencePercent must be from 0 to 100',
  ],
  ['a text for autoReconcile', { autoReconcile: 'yes' }, 'spec.autoReconcile', 'must be of type boolean'],
]

const tiering: readonly Row[] = [
  ['no hot tier', { hotTier: undefined }, 'spec.hotTier', 'Required value'],
  ['no warm tier', { warmTier: undefined }, 'spec.warmTier', 'Required value'],
  ['no cold tier', { coldTier: undefined }, 'spec.coldTier', 'Required value'],
  ['a tier without store', tier('hot', { backend: undefined }), 'spec.hotTier.backend', 'Required value'],
  ['a tier without age', tier('cold', { ttl: undefined }), 'spec.coldTier.ttl', 'Required value'],
  [
    'a hot tier that cannot decide',
    tier('hot', { backend: 's3' }),
    'spec.hotTier.backend',
    'supported values: "redis", "postgres"',
  ],
  [
    'another store',
    tier('cold', { backend: 'tape' }),
    'spec.coldTier.backend',
    'supported values: "redis", "postgres", "s3", "gcs"',
  ],
  ['an age without unit', tier('warm', { ttl: '7' }), 'spec.warmTier.ttl', DURATION],
  ['an age of nothing', tier('hot', { ttl: '0s' }), 'spec.hotTier.ttl', DURATION],
  ['an empty age', tier('hot', { ttl: '' }), 'spec.hotTier.ttl', DURATION],
  ['an age in weeks', tier('warm', { ttl: '1w' }), 'spec.warmTier.ttl', DURATION],
  ['an age beyond ten years', tier('cold', { ttl: '99999d' }), 'spec.coldTier.ttl', DURATION],
  ['a long age text', tier('cold', { ttl: `${'1'.repeat(40)}h` }), 'spec.coldTier.ttl', '32'],
  ['a warm tier as short as the hot', tier('warm', { ttl: '60m' }), 'spec.warmTier.ttl', 'must be longer than hotTier.ttl'],
  ['a warm tier shorter than the hot', tier('warm', { ttl: '30m' }), 'spec.warmTier.ttl', 'must be longer than hotTier.ttl'],
  ['a cold tier shorter than the warm', tier('cold', { ttl: '1d' }), 'spec.coldTier.ttl', 'must be longer than warmTier.ttl'],
  ['a cold tier as short as the warm', tier('cold', { ttl: '168h' }), 'spec.coldTier.ttl', 'must be longer than warmTier.ttl'],
  [
    'compression below nothing',
    tier('hot', { compressionLevel: -1 }),
    'spec.hotTier.compressionLevel',
    'greater than or equal to 0',
  ],
  ['compression above all', tier('hot', { compressionLevel: 10 }), 'spec.hotTier.compressionLevel', 'less than or equal to 9'],
  ['half a level', tier('hot', { compressionLevel: 1.5 }), 'spec.hotTier.compressionLevel', 'must be of type integer'],
  ['encryption by name', tier('cold', { encryption: 'AES256' }), 'spec.coldTier.encryption', 'must be of type boolean'],
  [
    'a latency of nothing',
    tier('hot', { targetLatencyP95: 0 }),
    'spec.hotTier.targetLatencyP95',
    'greater than or equal to 0.001',
  ],
  ['a cost below nothing', tier('cold', { maxCostPerGB: -0.1 }), 'spec.coldTier.maxCostPerGB', 'greater than or equal to 0'],
  ['a cost with a sign', tier('cold', { maxCostPerGB: '$1' }), 'spec.coldTier.maxCostPerGB', 'must be of type number'],
  ['an interval of nothing', { demotionInterval: '0m' }, 'spec.demotionInterval', DURATION],
  ['a text for predictivePromotion', { predictivePromotion: 'on' }, 'spec.predictivePromotion', 'must be of type boolean'],
  ['a number for costOptimization', { costOptimization: 1 }, 'spec.costOptimization', 'must be of type boolean'],
]

export const BAD: readonly BadSpec[] = [
  ...rows(SHARD_MIGRATION_KIND, [...migrations, ...shared]),
  ...rows(CRR_POLICY_KIND, [...crr, ...shared]),
  ...rows(TIERING_POLICY_KIND, [...tiering, ...shared]),
  ...updates(SHARD_MIGRATION_KIND, [
    ['another source', { sourceShards: [A] }, 'spec.sourceShards', 'cannot be changed: a migration keeps the shards'],
    ['another target', { targetShards: [A, B] }, 'spec.targetShards', 'cannot be changed: a migration keeps the shards'],
    [
      'another kind of store',
      { dedupBackend: 'postgres', sourceShards: [PG], targetShards: ['postgres://b:5432/dedup'] },
      'spec.dedupBackend',
      'cannot be changed: records are not moved between kinds of stores',
    ],
    ['another circle', { vnodes: 64 }, 'spec.vnodes', 'cannot be changed: which slots move depends on it'],
    ['a fleet', { fleet: 'other' }, 'spec.fleet', 'cannot be changed: a migration belongs to one fleet'],
  ]),
  ...updates(CRR_POLICY_KIND, [
    ['another source', { sourceRegion: 'us-west' }, 'spec.sourceRegion', 'cannot be changed: segments are filed under it'],
    ['a fleet', { fleet: 'other' }, 'spec.fleet', 'cannot be changed: a policy belongs to one fleet'],
  ]),
  ...updates(TIERING_POLICY_KIND, [
    ['another hot store', tier('hot', { backend: 'postgres' }), 'spec.hotTier.backend', 'cannot be changed: records in the tier'],
    ['another cold store', tier('cold', { backend: 'gcs' }), 'spec.coldTier.backend', 'cannot be changed: records in the tier'],
    ['a fleet', { fleet: 'other' }, 'spec.fleet', 'cannot be changed: a policy belongs to one fleet'],
  ]),
]

/** What existing users write: names, units and floats as they are. */
export const ACCEPTED: readonly { readonly kind: string; readonly what: string; readonly spec: Fields }[] = [
  {
    kind: SHARD_MIGRATION_KIND,
    what: 'floats for gates',
    spec: {
      sourceShards: ['redis://old-0:6379', 'redis://old-1:6379'],
      targetShards: ['redis://new-0:6379', 'redis://new-1:6379', 'redis://new-2:6379'],
      dedupBackend: 'redis',
      batchSize: 500,
      throttleQPS: 2000,
      healthGates: { maxLatencyP95: 200.5, maxErrorRate: 1.0, minDedupHitRatio: 40.25 },
      autoRollback: true,
    },
  },
  {
    kind: SHARD_MIGRATION_KIND,
    what: 'one gate only, TLS addresses, and a freeze',
    spec: {
      sourceShards: ['rediss://old-0:6380/1'],
      targetShards: ['rediss://new-0:6380/1'],
      dedupBackend: 'redis',
      healthGates: { maxErrorRate: 0.5 },
      autoRollback: false,
    },
  },
  {
    kind: SHARD_MIGRATION_KIND,
    what: 'PostgreSQL under both of its schemes, and one failure of one',
    spec: {
      sourceShards: ['postgres://pg-0:5432/dedup'],
      targetShards: ['postgresql://pg-1:5432/dedup?sslmode=require'],
      dedupBackend: 'postgres',
      gates: { of: 1 },
      steps: [0.5, 33.3, 100],
      fleet: 'production',
    },
  },
  {
    kind: CRR_POLICY_KIND,
    what: 'a selective policy with floats',
    spec: {
      sourceRegion: 'us-east',
      targetRegions: ['eu-west', 'ap-south'],
      replicationMode: 'selective',
      tenantSelector: { include: ['tenant-001'], matchLabels: { residency: 'eu' } },
      shipInterval: '1m0s',
      priority: 10,
      maxRetries: 3,
      healthGates: { maxLagSeconds: 60.5, maxShipErrors: 10, maxDivergencePercent: 5.0 },
      autoReconcile: true,
    },
  },
  {
    kind: CRR_POLICY_KIND,
    what: 'three regions, each to the others',
    spec: { sourceRegion: 'a', targetRegions: ['b', 'c'], replicationMode: 'multi-way' },
  },
  {
    kind: TIERING_POLICY_KIND,
    what: 'costs and latencies as floats, ages in days and as Go prints them',
    spec: {
      hotTier: { backend: 'redis', ttl: '1h0m0s', compressionLevel: 0, targetLatencyP95: 5.5, maxCostPerGB: 12.5 },
      warmTier: { backend: 'postgres', ttl: '7d', compressionLevel: 6, targetLatencyP95: 50, maxCostPerGB: 0.25 },
      coldTier: {
        backend: 's3',
        ttl: '2160h0m0s',
        compressionLevel: 9,
        encryption: true,
        targetLatencyP95: 500.0,
        maxCostPerGB: 0.023,
      },
      demotionInterval: '5m0s',
      predictivePromotion: true,
      costOptimization: true,
    },
  },
]
