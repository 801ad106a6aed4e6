/**
 * The `CRRPolicy` custom resource: which regions get a fleet's write-ahead log, and within which bounds. One schema for validation, for
 * the type and for the CRD. The first nine fields are those that existing manifests carry; the ones below were added beside them.
 */
import Type from 'typebox'
import * as D from './defaults.ts'
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
import { cel, NAMED_LIMITS, SET } from './rules.ts'

const MAX_REGIONS = 32
const MAX_TENANTS = 256
const MAX_TENANT_LENGTH = 128
const MAX_LABELS = 32

const tenants = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: MAX_TENANT_LENGTH }), { maxItems: MAX_TENANTS, description, ...SET }),
  )

export const TenantSelectorSchema = Type.Object(
  {
    include: tenants('Tenants that are replicated.'),
    exclude: tenants('Tenants that are not, whatever else selects them.'),
    matchLabels: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: F.MAX_NAME_LENGTH }), {
        maxProperties: MAX_LABELS,
        description: 'Tenants with all of these labels are replicated.',
      }),
    ),
  },
  {
    ...F.closed,
    description: 'Which tenants are replicated.',
    ...cel({
      rule: '!has(self.include) || !has(self.exclude) || !self.include.exists(tenant, tenant in self.exclude)',
      message: 'names a tenant that is in include too; take it out of one of them',
      fieldPath: '.exclude',
    }),
  },
)

export const ReplicationGatesSchema = Type.Object(
  {
    maxLagSeconds: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 86_400,
        default: D.DEFAULT_MAX_REPLICATION_LAG_SECONDS,
        description: 'Seconds that a target region may be behind.',
      }),
    ),
    maxShipErrors: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1e9,
        default: D.DEFAULT_MAX_SHIP_ERRORS,
        description: 'Failed shipments in an hour.',
      }),
    ),
    maxDivergencePercent: F.percentGate(
      D.DEFAULT_MAX_DIVERGENCE_PERCENT,
      'Percent of compared buckets that differ between regions.',
    ),
    ...rolloutGates,
  },
  {
    ...F.closed,
    [NAMED_LIMITS]: 'gate',
    description: 'Within what bounds replication is healthy, and a new revision may go on.',
  },
)

export const CrrPolicySpecSchema = Type.Object(
  {
    sourceRegion: Type.String({
      ...F.dnsLabel,
      description: 'Region of this fleet, whose log is shipped.',
    }),
    targetRegions: Type.Array(Type.String(F.dnsLabel), {
      minItems: 1,
      maxItems: MAX_REGIONS,
      description: 'Regions that receive the log.',
      ...SET,
    }),
    replicationMode: Type.Optional(
      Type.Enum(['full', 'selective', 'multi-way'], {
        default: 'full',
        description:
          'full: all tenants. selective: those of tenantSelector. multi-way: all tenants, between all regions, each of which ships to the others.',
      }),
    ),
    tenantSelector: Type.Optional(TenantSelectorSchema),
    shipInterval: F.optionalDuration(D.DEFAULT_SHIP_INTERVAL, 'Time between two looks for sealed segments.'),
    priority: F.integer(D.DEFAULT_PRIORITY, 1, 10, 'Which policy ships first when several wait; 10 is the most urgent.'),
    maxRetries: F.integer(D.DEFAULT_MAX_RETRIES, 0, 100, 'Failed uploads of a segment before that counts as a ship error.'),
    healthGates: Type.Optional(ReplicationGatesSchema),
    autoReconcile: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: records that a region lacks are added by themselves. Two different outcomes of one key never are.',
      }),
    ),
    ...POLICY_FIELDS,
  },
  {
    ...F.closed,
    ...cel(
      {
        rule: '!(self.sourceRegion in self.targetRegions)',
        messageExpression: "'must not hold the source region ' + self.sourceRegion + '; remove it'",
        message: 'must not hold the source region; remove it',
        fieldPath: '.targetRegions',
      },
      {
        rule: "!has(self.replicationMode) || self.replicationMode != 'selective' || (has(self.tenantSelector) && ((has(self.tenantSelector.include) && self.tenantSelector.include.size() > 0) || (has(self.tenantSelector.exclude) && self.tenantSelector.exclude.size() > 0) || (has(self.tenantSelector.matchLabels) && self.tenantSelector.matchLabels.size() > 0)))",
        message: 'is needed by replicationMode selective: give include, exclude or matchLabels, or set replicationMode to full',
        fieldPath: '.tenantSelector',
      },
      {
        rule: "!has(self.tenantSelector) || (has(self.replicationMode) && self.replicationMode == 'selective')",
        message:
          'is read in replicationMode selective only, so tenants that it leaves out would be replicated; set that mode, or remove it',
        fieldPath: '.tenantSelector',
      },
      {
        rule: "!has(self.replicationMode) || self.replicationMode != 'multi-way' || self.targetRegions.size() >= 2",
        message: 'must name at least two regions in replicationMode multi-way; add one, or set replicationMode to full',
        fieldPath: '.targetRegions',
      },
      {
        rule: 'self.sourceRegion == oldSelf.sourceRegion',
        message: 'cannot be changed: segments are filed under it; create another CRRPolicy',
        fieldPath: '.sourceRegion',
      },
      ...POLICY_RULES,
    ),
  },
)

export type CrrPolicyInput = Type.Static<typeof CrrPolicySpecSchema>
type ReplicationGates = F.Filled<Type.Static<typeof ReplicationGatesSchema>>

/** A spec that was checked and has every default filled in. */
export type CrrPolicySpec = Omit<F.Filled<CrrPolicyInput>, 'healthGates' | 'tenantSelector' | keyof PolicyFields> &
  PolicyFields & {
    readonly healthGates: ReplicationGates
    readonly tenantSelector: Type.Static<typeof TenantSelectorSchema> | undefined
  }

export interface CrrPolicy {
  readonly metadata: ObjectMeta
  readonly spec: CrrPolicySpec
}

export function crrPolicyWithDefaults(input: CrrPolicyInput): CrrPolicySpec {
  return {
    sourceRegion: input.sourceRegion,
    targetRegions: input.targetRegions,
    replicationMode: input.replicationMode ?? 'full',
    tenantSelector: input.tenantSelector,
    shipInterval: input.shipInterval ?? D.DEFAULT_SHIP_INTERVAL,
    priority: input.priority ?? D.DEFAULT_PRIORITY,
    maxRetries: input.maxRetries ?? D.DEFAULT_MAX_RETRIES,
    healthGates: {
      maxLagSeconds: input.healthGates?.maxLagSeconds ?? D.DEFAULT_MAX_REPLICATION_LAG_SECONDS,
      maxShipErrors: input.healthGates?.maxShipErrors ?? D.DEFAULT_MAX_SHIP_ERRORS,
      maxDivergencePercent: input.healthGates?.maxDivergencePercent ?? D.DEFAULT_MAX_DIVERGENCE_PERCENT,
      ...rolloutGatesWithDefaults(input.healthGates),
    },
    autoReconcile: input.autoReconcile ?? false,
    ...policyDefaults(input),
  }
}
