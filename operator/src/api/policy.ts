/**
 * What `CRRPolicy` and `TieringPolicy` share: each is a revision of config that is rolled out to the pods of a fleet in steps, behind
 * health gates, and taken back when one fails. Same names as in a `ShardMigration`.
 */

import Type from 'typebox'
import * as D from './defaults.ts'
import * as F from './fields.ts'
import { immutableChild } from './rules.ts'

/** Gates of the fleet itself: whatever a policy is about, rolling it out must not harm the traffic. */
export const rolloutGates = {
  maxLatencyP95: F.latencyGate(D.DEFAULT_MAX_LATENCY_P95_MS),
  maxErrorRate: F.percentGate(D.DEFAULT_MAX_ERROR_RATE_PERCENT, 'Limit in percent of submissions answered with 5xx.'),
  minDedupHitRatio: F.percentGate(
    D.DEFAULT_POLICY_MIN_DEDUP_HIT_RATIO_PERCENT,
    'Least percent of decided submissions that were duplicates. 0 switches this gate off.',
  ),
}
const RolloutGatesSchema = Type.Object(rolloutGates)
type RolloutGates = Type.Static<typeof RolloutGatesSchema>

export const rolloutGatesWithDefaults = (gates: RolloutGates | undefined): F.Filled<RolloutGates> => ({
  maxLatencyP95: gates?.maxLatencyP95 ?? D.DEFAULT_MAX_LATENCY_P95_MS,
  maxErrorRate: gates?.maxErrorRate ?? D.DEFAULT_MAX_ERROR_RATE_PERCENT,
  minDedupHitRatio: gates?.minDedupHitRatio ?? D.DEFAULT_POLICY_MIN_DEDUP_HIT_RATIO_PERCENT,
})

export const POLICY_FIELDS = {
  fleet: F.fleet,
  approval: F.approval,
  onGateFailure: Type.Optional(
    Type.Enum(['Rollback', 'Freeze'], {
      default: 'Rollback',
      description: 'What a failed gate does to the revision being rolled out.',
    }),
  ),
  gates: Type.Optional(F.GatePolicySchema),
  steps: F.steps(D.DEFAULT_POLICY_STEPS_PERCENT, 'Percent of the pods that run a new revision after each step; rises to 100.'),
  stepSeconds: F.seconds(D.DEFAULT_STEP_SECONDS, 0, 'Each step is watched at least this long.'),
  progressDeadlineSeconds: F.progressDeadlineSeconds,
  deletionPolicy: F.deletionPolicy(
    'What deleting the resource does: withdraw it from the pods, finish a rollout under way before that, or leave the pods as they are.',
  ),
  dryRun: F.dryRun,
  paused: F.paused,
}
const PolicyFieldsSchema = Type.Object(POLICY_FIELDS)
type PolicyInput = Type.Static<typeof PolicyFieldsSchema>

export type PolicyFields = Omit<F.Filled<PolicyInput>, 'gates' | 'fleet'> & {
  readonly gates: F.GatePolicy
  readonly fleet: string | undefined
}

export const POLICY_RULES = [
  F.deadlineCoversWindow,
  immutableChild('fleet', 'a policy belongs to one fleet; delete it and create another'),
] as const

export const policyDefaults = (input: PolicyInput): PolicyFields => ({
  fleet: input.fleet,
  approval: input.approval ?? 'Auto',
  onGateFailure: input.onGateFailure ?? 'Rollback',
  gates: F.gatePolicyWithDefaults(input.gates),
  steps: input.steps ?? [...D.DEFAULT_POLICY_STEPS_PERCENT],
  stepSeconds: input.stepSeconds ?? D.DEFAULT_STEP_SECONDS,
  progressDeadlineSeconds: input.progressDeadlineSeconds ?? D.DEFAULT_PROGRESS_DEADLINE_SECONDS,
  deletionPolicy: input.deletionPolicy ?? 'Abort',
  dryRun: input.dryRun ?? false,
  paused: input.paused ?? false,
})
