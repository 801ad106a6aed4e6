/**
 * The `TieringPolicy` custom resource: how long records stay in which tier, and what a tier may cost. One schema for validation, for the
 * type and for the CRD. The first six fields are those that existing manifests carry; the ones below were added beside them.
 */
import Type from 'typebox'
import * as D from './defaults.ts'
import { celSeconds, DURATION_PATTERN } from './duration.ts'
import * as F from './fields.ts'
import type { ObjectMeta } from './group.ts'
import {
  POLICY_FIELDS,
  POLICY_RULES,
  type PolicyFields,
  policyDefaults,
  rolloutGates,
  rolloutGatesWithDefaults,
} from './policy.ts'
import { cel, immutable, NAMED_LIMITS } from './rules.ts'

type Tier = 'hot' | 'warm' | 'cold'

const immutableBackend = cel(immutable('records in the tier would no longer be found; create another TieringPolicy'))
const anyStore = Type.Enum(['redis', 'postgres', 's3', 'gcs'], { description: 'Store of the tier.', ...immutableBackend })
/** In the hot tier it is decided who was first: only stores that can do that in one step. */
const decidingStore = Type.Enum(['redis', 'postgres'], {
  description: 'Store of the tier; redis or postgres, since here it is decided who was first.',
  ...immutableBackend,
})

const tier = <Store extends typeof anyStore | typeof decidingStore>(name: Tier, backend: Store, description: string) =>
  Type.Object(
    {
      backend,
      ttl: F.duration(name === 'cold' ? 'Age at which a record expires.' : 'Age at which a record moves one tier down.'),
      compressionLevel: F.integer(D.DEFAULT_COMPRESSION_LEVEL, 0, 9, '0 (not compressed) to 9 (smallest).'),
      encryption: Type.Optional(Type.Boolean({ default: false, description: 'Ask the store for server-side encryption.' })),
      targetLatencyP95: Type.Optional(
        Type.Number({
          minimum: 0.001,
          maximum: 600_000,
          default: D.DEFAULT_TARGET_LATENCY_P95_MS[name],
          description: 'Milliseconds that the 95th percentile of reads from this tier may take.',
        }),
      ),
      maxCostPerGB: Type.Optional(
        Type.Number({ minimum: 0, maximum: 1e6, description: 'Dollars a month that a gigabyte may cost. Default: no limit.' }),
      ),
    },
    { ...F.closed, description },
  )

const TieringGatesSchema = Type.Object(rolloutGates, {
  ...F.closed,
  [NAMED_LIMITS]: 'gate',
  description: 'What must hold for a new revision to go on to more pods.',
})

const ordered = (younger: Tier, older: Tier) => ({
  rule: `![self.${younger}Tier.ttl, self.${older}Tier.ttl].all(ttl, ttl.matches('${DURATION_PATTERN}')) || [[self.${younger}Tier.ttl, self.${older}Tier.ttl].map(ttl, ${celSeconds('ttl')})].all(ttls, ttls[0] < ttls[1])`,
  message: `must be longer than ${younger}Tier.ttl, since a record passes through the ${younger} tier first; raise it, or lower that`,
  fieldPath: `.${older}Tier.ttl`,
})

export const TieringPolicySpecSchema = Type.Object(
  {
    hotTier: tier('hot', decidingStore, 'The tier that new records are decided in.'),
    warmTier: tier('warm', anyStore, 'The tier of records that are asked for now and then.'),
    coldTier: tier('cold', anyStore, 'The tier of records that are hardly asked for.'),
    demotionInterval: F.optionalDuration(D.DEFAULT_DEMOTION_INTERVAL, 'Time between two looks for records to move down.'),
    predictivePromotion: Type.Optional(
      Type.Boolean({ default: false, description: 'Move records up before they are asked for, where that can be foreseen.' }),
    ),
    costOptimization: Type.Optional(
      Type.Boolean({ default: false, description: 'Move records down earlier where a tier exceeds its maxCostPerGB.' }),
    ),
    healthGates: Type.Optional(TieringGatesSchema),
    ...POLICY_FIELDS,
  },
  { ...F.closed, ...cel(ordered('hot', 'warm'), ordered('warm', 'cold'), ...POLICY_RULES) },
)

export type TieringPolicyInput = Type.Static<typeof TieringPolicySpecSchema>
type TierInput = TieringPolicyInput['hotTier' | 'warmTier' | 'coldTier']

export type TierSpec = Omit<F.Filled<TierInput>, 'maxCostPerGB'> & {
  readonly maxCostPerGB: number | undefined
}

/** A spec that was checked and has every default filled in. */
export type TieringPolicySpec = Omit<
  F.Filled<TieringPolicyInput>,
  'healthGates' | 'hotTier' | 'warmTier' | 'coldTier' | keyof PolicyFields
> &
  PolicyFields & {
    readonly healthGates: F.Filled<Type.Static<typeof TieringGatesSchema>>
    readonly hotTier: TierSpec
    readonly warmTier: TierSpec
    readonly coldTier: TierSpec
  }

export interface TieringPolicy {
  readonly metadata: ObjectMeta
  readonly spec: TieringPolicySpec
}

export function tieringPolicyWithDefaults(input: TieringPolicyInput): TieringPolicySpec {
  return {
    hotTier: tierWithDefaults(input.hotTier, 'hot'),
    warmTier: tierWithDefaults(input.warmTier, 'warm'),
    coldTier: tierWithDefaults(input.coldTier, 'cold'),
    demotionInterval: input.demotionInterval ?? D.DEFAULT_DEMOTION_INTERVAL,
    predictivePromotion: input.predictivePromotion ?? false,
    costOptimization: input.costOptimization ?? false,
    healthGates: rolloutGatesWithDefaults(input.healthGates),
    ...policyDefaults(input),
  }
}

const tierWithDefaults = (input: TierInput, name: Tier): TierSpec => ({
  backend: input.backend,
  ttl: input.ttl,
  compressionLevel: input.compressionLevel ?? D.DEFAULT_COMPRESSION_LEVEL,
  encryption: input.encryption ?? false,
  targetLatencyP95: input.targetLatencyP95 ?? D.DEFAULT_TARGET_LATENCY_P95_MS[name],
  maxCostPerGB: input.maxCostPerGB,
})
