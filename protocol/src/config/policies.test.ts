import { describe, expect, it } from 'vitest'
import {
  type CrrPolicyConfig,
  checkPoliciesPush,
  type Policies,
  policiesRevisionOf,
  type TieringPolicyConfig,
} from './policies.ts'

const CRR: CrrPolicyConfig = {
  sourceRegion: 'eu',
  targetRegions: ['us', 'ap'],
  replicationMode: 'selective',
  tenantSelector: { include: ['a'], exclude: [], matchLabels: { tier: 'gold' } },
  shipIntervalMs: 30_000,
  priority: 0,
  maxRetries: 3,
  autoReconcile: false,
}
const TIERING: TieringPolicyConfig = {
  hotTier: { backend: 'redis', ttlMs: 1000 },
  warmTier: { backend: 'postgres', ttlMs: 2000, encryption: true },
  coldTier: { backend: 's3', ttlMs: 3000, compressionLevel: 9, maxCostPerGB: 0.02 },
  demotionIntervalMs: 300_000,
  predictivePromotion: false,
  costOptimization: false,
}
const POLICIES: Policies = { crr: CRR, tiering: TIERING }
const pushOf = (policies: unknown, rest: object = {}): unknown => ({
  epoch: 1,
  revision: policiesRevisionOf(policies as Policies),
  policies,
  ...rest,
})

describe('the revision of policies', () => {
  it('is the same for equal content in any order of its fields', () => {
    const { coldTier, ...rest } = TIERING
    const turned: Policies = { tiering: { ...(coldTier && { coldTier }), ...rest }, crr: JSON.parse(JSON.stringify(CRR)) }
    expect(policiesRevisionOf(turned)).toBe(policiesRevisionOf(POLICIES))
  })

  it.each<[string, Policies]>([
    ['no tiering', { crr: CRR }],
    ['another order of regions', { ...POLICIES, crr: { ...CRR, targetRegions: ['ap', 'us'] } }],
    ['another time', { ...POLICIES, tiering: { ...TIERING, demotionIntervalMs: 300_001 } }],
    ['one tenant more', { ...POLICIES, crr: { ...CRR, tenantSelector: { ...CRR.tenantSelector, include: ['a', 'b'] } } }],
  ])('is another for %s', (_what, policies) => {
    expect(policiesRevisionOf(policies)).not.toBe(policiesRevisionOf(POLICIES))
  })
})

describe('policies of a stranger', () => {
  it('are taken where they are complete, and where there are none', () => {
    expect(checkPoliciesPush(pushOf(POLICIES))).toMatchObject({ ok: true })
    expect(checkPoliciesPush(pushOf({}))).toMatchObject({ ok: true })
  })

  it.each<[field: string, push: unknown]>([
    ['the document', null],
    ['the document', []],
    ['epoch', pushOf({}, { epoch: -1 })],
    ['epoch', pushOf({}, { epoch: 1.5 })],
    ['epoch', pushOf({}, { epoch: 2 ** 53 })],
    ['revision', pushOf({}, { revision: 'X'.repeat(16) })],
    ['revision', pushOf(POLICIES, { revision: policiesRevisionOf({}) })],
    ['policies.backup', pushOf({ backup: {} })],
    ['policies.crr.targetRegions', pushOf({ crr: { sourceRegion: 'eu' } })],
    ['policies.crr.targetRegions', pushOf({ crr: { ...CRR, targetRegions: [] } })],
    ['policies.crr.targetRegions', pushOf({ crr: { ...CRR, targetRegions: Array.from({ length: 33 }, (_, i) => `r${i}`) } })],
    ['policies.crr.targetRegions', pushOf({ crr: { ...CRR, targetRegions: ['us', 'eu'] } })],
    ['policies.crr.targetRegions', pushOf({ crr: { ...CRR, targetRegions: ['us', 'us'] } })],
    ['policies.crr.replicationMode', pushOf({ crr: { ...CRR, replicationMode: 'half' } })],
    ['policies.crr.sourceRegion', pushOf({ crr: { ...CRR, sourceRegion: 'x'.repeat(129) } })],
    ['policies.crr.shipIntervalMs', pushOf({ crr: { ...CRR, shipIntervalMs: 0 } })],
    [
      'policies.crr.tenantSelector.include.0',
      pushOf({ crr: { ...CRR, tenantSelector: { ...CRR.tenantSelector, include: [7] } } }),
    ],
    [
      'policies.tiering.coldTier.compressionLevel',
      pushOf({ tiering: { ...TIERING, coldTier: { backend: 's3', compressionLevel: 99 } } }),
    ],
    ['policies.tiering.hotTier.ttlMs', pushOf({ tiering: { ...TIERING, hotTier: { backend: 'redis', ttlMs: 2000 } } })],
    ['policies.tiering.warmTier.ttlMs', pushOf({ tiering: { ...TIERING, warmTier: { backend: 'postgres', ttlMs: 3000 } } })],
    ['policies.tiering.surprise', pushOf({ tiering: { ...TIERING, surprise: 1 } })],
  ])('are refused by their field: %s', (field, push) => {
    expect(checkPoliciesPush(push)).toMatchObject({ ok: false, field })
  })
})
