/**
 * What the policies of a fleet (replication, tiering) ask of its pods, as one revisioned document beside the fleet config. Its revision
 * is a hash of its content, so equal policies are the same revision wherever they were made; its epoch says which operator speaks: a pod
 * refuses one that is lower than it has seen. Times are in milliseconds.
 */
import { hash } from 'node:crypto'
import Type from 'typebox'
import { Compile } from 'typebox/compile'

const closed = { additionalProperties: false } as const
const MAX_MS = 10 * 365 * 24 * 3600 * 1000
const MAX_TARGET_REGIONS = 32
const MAX_SELECTED_TENANTS = 1000
const MAX_LABELS = 64

const name = Type.String({ minLength: 1, maxLength: 128 })
const millis = Type.Integer({ minimum: 1, maximum: MAX_MS })
const figure = Type.Number({ minimum: 0, maximum: 1_000_000_000 })
const tenants = Type.Array(name, { maxItems: MAX_SELECTED_TENANTS })

const CrrSchema = Type.Object(
  {
    sourceRegion: name,
    targetRegions: Type.Array(name, { minItems: 1, maxItems: MAX_TARGET_REGIONS }),
    replicationMode: Type.Enum(['full', 'selective', 'multi-way']),
    tenantSelector: Type.Object(
      {
        include: tenants,
        exclude: tenants,
        matchLabels: Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 128 }), { maxProperties: MAX_LABELS }),
      },
      closed,
    ),
    shipIntervalMs: millis,
    priority: Type.Integer({ minimum: -1_000_000, maximum: 1_000_000 }),
    maxRetries: Type.Integer({ minimum: 0, maximum: 1000 }),
    autoReconcile: Type.Boolean(),
  },
  closed,
)

const TierSchema = Type.Object(
  {
    backend: name,
    /** Without one, records stay in this tier until they expire. */
    ttlMs: Type.Optional(millis),
    compressionLevel: Type.Optional(Type.Integer({ minimum: 0, maximum: 22 })),
    encryption: Type.Optional(Type.Boolean()),
    targetLatencyP95Ms: Type.Optional(figure),
    maxCostPerGB: Type.Optional(figure),
  },
  closed,
)

const TieringSchema = Type.Object(
  {
    hotTier: TierSchema,
    warmTier: Type.Optional(TierSchema),
    coldTier: Type.Optional(TierSchema),
    demotionIntervalMs: millis,
    predictivePromotion: Type.Boolean(),
    costOptimization: Type.Boolean(),
  },
  closed,
)

const PoliciesSchema = Type.Object({ crr: Type.Optional(CrrSchema), tiering: Type.Optional(TieringSchema) }, closed)

const PoliciesPushSchema = Type.Object(
  {
    epoch: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    revision: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    policies: PoliciesSchema,
  },
  closed,
)

export type CrrPolicyConfig = Type.Static<typeof CrrSchema>
export type TierConfig = Type.Static<typeof TierSchema>
export type TieringPolicyConfig = Type.Static<typeof TieringSchema>
export type Policies = Type.Static<typeof PoliciesSchema>

/** Policies on their way to a pod. */
export interface PoliciesPush {
  readonly epoch: number
  readonly revision: string
  readonly policies: Policies
}

/** What a pod needs to be able to do for a policy of this kind to mean anything; pods report what they can. */
export type PolicyCapability = keyof Policies

export const NO_POLICIES: PoliciesPush = { epoch: 0, revision: policiesRevisionOf({}), policies: {} }

const validator = Compile(PoliciesPushSchema)

export type CheckedPolicies =
  | { readonly ok: true; readonly push: PoliciesPush }
  | { readonly ok: false; readonly field: string; readonly problem: string }

/** Of anything that came over the wire or from a file. What is refused is not repeated, only its field. */
export function checkPoliciesPush(value: unknown): CheckedPolicies {
  if (!validator.Check(value)) {
    const [first] = validator.Errors(value)
    const field = first ? fieldOf(first.instancePath, first.params as Record<string, unknown>) : 'the document'
    const unknown = first?.keyword === 'boolean' || first?.keyword === 'additionalProperties'
    return { ok: false, field, problem: unknown ? 'is not known; remove it' : (first?.message ?? 'cannot be used') }
  }
  const push = value as PoliciesPush
  return (
    relation(push.policies) ??
    (push.revision === policiesRevisionOf(push.policies)
      ? { ok: true, push }
      : { ok: false, field: 'revision', problem: 'is not that of the policies' })
  )
}

/** Content address of policies: 16 hex digits, whatever the order of their fields. */
export function policiesRevisionOf(policies: Policies): string {
  return hash('sha256', JSON.stringify(policies, sortedKeys), 'hex').slice(0, 16)
}

/** How fields have to fit each other. */
function relation({ crr, tiering }: Policies): CheckedPolicies | undefined {
  if (crr?.targetRegions.includes(crr.sourceRegion))
    return { ok: false, field: 'policies.crr.targetRegions', problem: 'must not name the source region' }
  if (crr && new Set(crr.targetRegions).size < crr.targetRegions.length)
    return { ok: false, field: 'policies.crr.targetRegions', problem: 'must not name a region twice' }
  const warmer: ('hotTier' | 'warmTier')[] = ['hotTier', 'warmTier']
  for (const tier of warmer) {
    const colder = tier === 'hotTier' ? (tiering?.warmTier ?? tiering?.coldTier) : tiering?.coldTier
    const [own, next] = [tiering?.[tier]?.ttlMs, colder?.ttlMs]
    if (own !== undefined && next !== undefined && own >= next)
      return { ok: false, field: `policies.tiering.${tier}.ttlMs`, problem: 'must be less than that of the next colder tier' }
  }
  return undefined
}

function fieldOf(pointer: string, params: Record<string, unknown>): string {
  const parts = pointer.split('/').slice(1)
  const named = (params.requiredProperties ?? params.additionalProperties) as readonly string[] | undefined
  // A name that a stranger chose is not repeated at any length.
  if (Array.isArray(named) && named[0] !== undefined) parts.push(named[0].slice(0, 64))
  return parts.join('.') || 'the document'
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
