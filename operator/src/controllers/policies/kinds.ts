/** What tells the two kinds apart: what pods are told, which capability that takes, and what else is claimed of it. */
import type {
  CrrPolicyConfig,
  Policies,
  PolicyCapability,
  TierConfig,
  TieringPolicyConfig,
} from '@fractal-lba/protocol/config/policies'
import type { ConditionClaim } from '../../api/conditions.ts'
import type { CrrPolicySpec } from '../../api/crrpolicy.ts'
import { parseDurationMs } from '../../api/duration.ts'
import { CRR_POLICY_KIND, TIERING_POLICY_KIND } from '../../api/group.ts'
import type { TieringPolicySpec, TierSpec } from '../../api/tieringpolicy.ts'
import type { RolledOutSpec } from './objects.ts'

export interface PolicyKind<Spec extends RolledOutSpec> {
  readonly kind: string
  readonly capability: PolicyCapability
  /** The policies of a fleet with this one among them. */
  withSpec(policies: Policies, spec: Spec): Policies
  /** Conditions of this kind alone. Until pods report what they did, nothing is known of it. */
  readonly ownClaims: Readonly<Record<string, ConditionClaim>>
}

const NOT_MEASURED: ConditionClaim = { status: 'Unknown', reason: 'NotMeasured' }

export const CRR_POLICY: PolicyKind<CrrPolicySpec> = {
  kind: CRR_POLICY_KIND,
  capability: 'crr',
  withSpec: (policies, spec) => ({ ...policies, crr: crrConfig(spec) }),
  ownClaims: { ReplicationInSync: NOT_MEASURED, LagWithinBound: NOT_MEASURED },
}

export const TIERING_POLICY: PolicyKind<TieringPolicySpec> = {
  kind: TIERING_POLICY_KIND,
  capability: 'tiering',
  withSpec: (policies, spec) => ({ ...policies, tiering: tieringConfig(spec) }),
  ownClaims: { TiersConsistent: NOT_MEASURED },
}

function crrConfig(spec: CrrPolicySpec): CrrPolicyConfig {
  const { include = [], exclude = [], matchLabels = {} } = spec.tenantSelector ?? {}
  return {
    sourceRegion: spec.sourceRegion,
    targetRegions: [...spec.targetRegions],
    replicationMode: spec.replicationMode,
    tenantSelector: { include: [...include], exclude: [...exclude], matchLabels: { ...matchLabels } },
    shipIntervalMs: millis(spec.shipInterval),
    priority: spec.priority,
    maxRetries: spec.maxRetries,
    autoReconcile: spec.autoReconcile,
  }
}

function tieringConfig(spec: TieringPolicySpec): TieringPolicyConfig {
  return {
    hotTier: tierConfig(spec.hotTier),
    warmTier: tierConfig(spec.warmTier),
    coldTier: tierConfig(spec.coldTier),
    demotionIntervalMs: millis(spec.demotionInterval),
    predictivePromotion: spec.predictivePromotion,
    costOptimization: spec.costOptimization,
  }
}

const tierConfig = (tier: TierSpec): TierConfig => ({
  backend: tier.backend,
  ttlMs: millis(tier.ttl),
  compressionLevel: tier.compressionLevel,
  encryption: tier.encryption,
  targetLatencyP95Ms: tier.targetLatencyP95,
  ...(tier.maxCostPerGB !== undefined && { maxCostPerGB: tier.maxCostPerGB }),
})

/** Of a spec that was checked. */
function millis(duration: string): number {
  const ms = parseDurationMs(duration)
  if (ms === undefined) throw new Error(`"${duration}" was checked to be a duration`)
  return Math.max(1, Math.round(ms))
}
