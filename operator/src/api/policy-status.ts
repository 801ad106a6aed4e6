/**
 * The statuses of `CRRPolicy` and `TieringPolicy`: the rollout of the newest revision, which the two share, and what each kind is about.
 * The schemas are what the CRDs are made from.
 */
import Type from 'typebox'
import type { CrrConditionType, TieringConditionType } from './conditions.ts'
import { ATOMIC } from './rules.ts'
import * as S from './status-fields.ts'

export const POLICY_PHASES = ['Pending', 'Progressing', 'Ready', 'RolledBack', 'Failed'] as const
export type PolicyPhase = (typeof POLICY_PHASES)[number]

const MAX_PODS = 1000
const revision = (description: string) => S.text(description, 128)

const RolloutSchema = Type.Object(
  {
    revision: revision('Content hash of the revision that is being rolled out, or was last.'),
    previousRevision: Type.Optional(revision('What the pods go back to when a gate fails.')),
    podsUpdated: S.count('Pods that report the revision.'),
    podsTotal: S.count('Pods of the fleet.'),
    targetPods: S.count('Pods that the present step brings to the revision.'),
    stepPercent: S.amount('The present step.'),
    watchingSinceMs: Type.Optional(S.millis('When the present step was fully applied.')),
    reverting: Type.Boolean({ description: 'Whether it is being taken back.' }),
    startedAt: Type.Optional(S.time('When the first pod was given the revision.')),
    endedAt: Type.Optional(S.time('When it was done, or taken back.')),
  },
  { description: 'The newest revision on its way through the pods.' },
)

const PolicyPlanSchema = Type.Object(
  {
    hash: S.text('Over the revision and the fleet; what an approval has to name.', 128),
    madeAt: S.time('When it was made.'),
    revision: revision('What would be rolled out.'),
    pods: Type.Array(S.text('A pod.', 256), { maxItems: MAX_PODS, description: 'In the order in which they get it.', ...ATOMIC }),
    steps: Type.Array(Type.Number(), { maxItems: 20, description: 'Percent of the pods after each step.', ...ATOMIC }),
    blastRadiusPercent: S.amount('Share of the pods that the first step touches.'),
    warnings: Type.Array(S.text('A warning.'), { maxItems: 64, description: 'What to know before approving.', ...ATOMIC }),
  },
  { description: 'What would be done, before anything is.' },
)

const policyFields = {
  observedGeneration: S.observedGeneration,
  phase: Type.Enum([...POLICY_PHASES], { description: 'Where the rollout of the newest revision stands.' }),
  active: Type.Boolean({ description: 'Whether the policy is in force on all pods.' }),
  message: S.message,
  progress: Type.Object({ percentage: S.amount('Of the pods, 0 to 100.') }, { description: 'How far the rollout has come.' }),
  rollout: Type.Optional(RolloutSchema),
  attempt: S.count('Grows with each retry.'),
  plan: Type.Optional(PolicyPlanSchema),
  planHash: Type.Optional(S.text('Of the plan above: kubectl flk approve, or the annotation fractal.lba.io/approve.', 128)),
  approvedHash: Type.Optional(S.text('The plan that was approved.', 128)),
  paused: S.pausedByVerb,
  halt: Type.Optional(S.halt),
  ...S.gateFields,
  decisions: S.decisions<PolicyPhase>(),
  reversible: Type.Boolean({ description: 'Whether there is a revision to go back to.' }),
  verbs: S.verbs,
  specProblems: S.specProblems,
  phaseSinceMs: S.millis('When the phase was entered.'),
  lastProgress: S.lastProgress,
}

export const CrrPolicyStatusSchema = Type.Object(
  {
    ...policyFields,
    conditions: S.condition<CrrConditionType>(),
    replicationStats: Type.Optional(
      Type.Object(
        {
          segmentsShipped: S.count('Segments in the last hour.'),
          bytesShipped: S.count('Bytes in the last hour.'),
          lagSeconds: S.amount('How far the slowest target region is behind.'),
          shipErrors: S.count('Failed shipments in the last hour.'),
          divergencePercent: S.amount('Percent of compared buckets that differ.'),
        },
        { description: 'What was shipped; absent where nothing ships.' },
      ),
    ),
    lastShipTime: Type.Optional(S.time('When a segment was last shipped.')),
  },
  { description: 'What the operator observed and decided. Written by the operator only.' },
)

export const TieringPolicyStatusSchema = Type.Object(
  {
    ...policyFields,
    conditions: S.condition<TieringConditionType>(),
    tieringStats: Type.Optional(
      Type.Object(
        {
          hotHits: S.count('Reads answered by the hot tier in the last hour.'),
          warmHits: S.count('Reads answered by the warm tier in the last hour.'),
          coldHits: S.count('Reads answered by the cold tier in the last hour.'),
          promotions: S.count('Records moved up in the last hour.'),
          demotions: S.count('Records moved down in the last hour.'),
          averageColdLatencyP95: S.amount('Milliseconds that the 95th percentile of cold reads took.'),
          estimatedMonthlyCost: Type.Optional(S.amount('Dollars.')),
          costSavings: Type.Optional(S.amount('Percent, compared with all records in the hot tier.')),
        },
        { description: 'What the tiers did; absent where nothing moves.' },
      ),
    ),
    lastDemotionTime: Type.Optional(S.time('When records were last moved down.')),
  },
  { description: 'What the operator observed and decided. Written by the operator only.' },
)

export type CrrPolicyStatus = S.Held<Type.Static<typeof CrrPolicyStatusSchema>>
export type TieringPolicyStatus = S.Held<Type.Static<typeof TieringPolicyStatusSchema>>
/** What a controller of either kind reads and writes alike. */
export type PolicyStatus = Omit<CrrPolicyStatus, 'conditions' | 'replicationStats' | 'lastShipTime'>
