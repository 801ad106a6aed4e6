/**
 * The API server and the operator judge the same specs alike: arbitrary ones, of values at and around every bound. What one of them lets
 * through and the other refuses would be an object that is stored and never served, or a rule that nobody enforces in local mode.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError } from '../../runtime/client/api-error.ts'
import { loadConnection } from '../../runtime/client/connection.ts'
import { KubeClient } from '../../runtime/client/kube-client.ts'
import type { KubeObject, ResourceType } from '../../runtime/client/objects.ts'
import { until } from '../../runtime/testing/until.ts'
import { CRR_POLICY_KIND, GROUP, KINDS, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND, VERSION } from '../group.ts'
import { changed, type Fields, GOOD } from '../testing/specs.ts'
import { problemsText, type Validated, validateCrrPolicy, validateSpec, validateTieringPolicy } from '../validate.ts'

const RUNS = 400

interface Custom extends KubeObject {
  readonly spec?: Fields
}

let plane: ControlPlane
let client: KubeClient

const typeOf = (kind: string): ResourceType<Custom> => ({
  group: GROUP,
  version: VERSION,
  plural: KINDS.find((each) => each.kind === kind)?.plural as string,
  kind,
  namespaced: true,
})

beforeAll(async () => {
  plane = await startControlPlane()
  client = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig: plane.kubeconfig }),
    userAgent: 'agreement-test',
    fieldManager: 'agreement-test',
  })
  const crds = join(import.meta.dirname, '../../../../crds')
  await promisify(execFile)(programPath('kubectl'), ['--kubeconfig', plane.kubeconfig, 'apply', '--server-side', '-f', crds])
  for (const { kind } of KINDS)
    await until(`${kind} is served`, () =>
      client.listPage(typeOf(kind)).then(
        () => true,
        () => false,
      ),
    )
})

afterAll(async () => {
  client?.close()
  await plane?.stop()
})

const VALIDATE: Readonly<Record<string, (spec: unknown) => Validated<unknown>>> = {
  [SHARD_MIGRATION_KIND]: (spec) => validateSpec(spec, { credentials: 'refused' }),
  [CRR_POLICY_KIND]: validateCrrPolicy,
  [TIERING_POLICY_KIND]: validateTieringPolicy,
}

/** Mostly what is likely to be good, so that specs of many fields are not all bad. */
const often = <T>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: bad })
const near = (...bounds: number[]) => fc.constantFrom(...bounds.flatMap((bound) => [bound, bound - 1, bound + 1, bound + 0.5]))
const oneOf = (...values: string[]) => often(fc.constantFrom(...values), fc.constantFrom('', 'Other', 7, true))
const flag = often(fc.boolean(), fc.constantFrom('true', 0))
const integer = (min: number, max: number) => often(fc.integer({ min, max }), near(min, max))
const number = (min: number, max: number) =>
  often(fc.double({ min, max, noNaN: true }), fc.oneof(near(min, max), fc.constantFrom('1', true)))
const percents = often(
  fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }).map((steps) => [...steps.sort((a, b) => a - b), 100]),
  fc.array(number(0, 100), { maxLength: 4 }),
)
const duration = often(
  fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 4000 }), fc.constantFrom('s', 'm', 'h', 'd')).map(([amount, unit]) => `${amount}${unit}`),
    fc.tuple(fc.nat(99), fc.nat(59), fc.nat(59)).map(([h, m, s]) => `${h}h${m}m${s}s`),
  ),
  fc.constantFrom('0s', '', '5', 'd', '1w', '-1h', '1.5h', '0.2s', '3650d', '3651d', '87600h', '87601h', '250ms', '1h1d', 3),
)
const optional = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(fields, { requiredKeys: [] })

/** A few of the fields: with all of them at once one is always bad. */
const some = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Fields> =>
  fc
    .subarray(Object.keys(fields), { maxLength: 5 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name] as fc.Arbitrary<unknown>]))))

const shared = {
  fleet: often(fc.constantFrom('a', 'fleet-1'), fc.constantFrom('', '-', 'A', 'a.b', 'a'.repeat(63), 'a'.repeat(64))),
  approval: oneOf('Auto', 'Manual'),
  onGateFailure: oneOf('Rollback', 'Freeze'),
  gates: optional({
    windowSeconds: number(0.1, 100),
    intervalSeconds: number(0.05, 20),
    minSamples: integer(1, 1000),
    failures: integer(1, 5),
    of: integer(1, 5),
    onNoData: oneOf('Hold', 'Fail', 'Pass'),
  }),
  steps: percents,
  stepSeconds: number(0, 86_400),
  progressDeadlineSeconds: number(1, 86_400),
  deletionPolicy: oneOf('Abort', 'Finish', 'Orphan'),
  dryRun: flag,
  paused: flag,
}
const rolloutGates = {
  maxLatencyP95: number(0.001, 60_000),
  maxErrorRate: number(0, 100),
  minDedupHitRatio: number(0, 100),
}
const gatesOf = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  often(optional(fields), fc.constantFrom({ maxCpu: 1 }, 3))

const addresses = often(
  fc.uniqueArray(fc.constantFrom('redis://a:6379', 'redis://b:6379', 'rediss://c:6380/1', 'redis://d'), {
    minLength: 1,
    maxLength: 4,
  }),
  fc.array(fc.constantFrom('redis://a:6379', 'postgres://a:5432/x', 'redis://u:p@a', 'memory://a', 'a:1', '', 4), {
    maxLength: 3,
  }),
)
const tenants = often(
  fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
  fc.constantFrom(['a', 'a'], [''], 'a', [1]),
)
const regions = often(
  fc.uniqueArray(fc.constantFrom('eu-west', 'ap-south', 'us-west'), { minLength: 1, maxLength: 3 }),
  fc.constantFrom([], ['us-east'], ['eu-west', 'eu-west'], ['EU'], ['a.b'], 'eu-west'),
)
const tier = (backend: fc.Arbitrary<unknown>, ttl: fc.Arbitrary<unknown>) =>
  fc.record(
    {
      backend,
      ttl,
      compressionLevel: integer(0, 9),
      encryption: flag,
      targetLatencyP95: number(0.001, 600_000),
      maxCostPerGB: number(0, 1e6),
    },
    { requiredKeys: ['backend', 'ttl'] },
  )
const ttl = (usual: string) => fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: duration })

const SPECS: Readonly<Record<string, fc.Arbitrary<Fields>>> = {
  [SHARD_MIGRATION_KIND]: some({
    sourceShards: addresses,
    targetShards: addresses,
    dedupBackend: oneOf('redis', 'redis', 'redis', 'postgres'),
    batchSize: integer(1, 100_000),
    throttleQPS: integer(1, 10_000_000),
    healthGates: gatesOf(rolloutGates),
    autoRollback: flag,
    soakSeconds: number(0, 86_400),
    maxLagSeconds: number(0.05, 86_400),
    vnodes: integer(1, 10_000),
    ...shared,
  }),
  [CRR_POLICY_KIND]: some({
    sourceRegion: often(fc.constantFrom('us-east', 'a'), fc.constantFrom('', 'US', 'a'.repeat(64), 1)),
    targetRegions: regions,
    replicationMode: oneOf('full', 'selective', 'multi-way'),
    tenantSelector: often(
      optional({
        include: tenants,
        exclude: tenants,
        matchLabels: often(
          fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', ''), { noNullPrototype: true }),
          fc.constantFrom({ a: 1 }, 'a'),
        ),
      }),
      fc.constant([]),
    ),
    shipInterval: duration,
    priority: integer(1, 10),
    maxRetries: integer(0, 100),
    healthGates: gatesOf({
      maxLagSeconds: number(0.001, 86_400),
      maxShipErrors: integer(0, 1e9),
      maxDivergencePercent: number(0, 100),
      ...rolloutGates,
    }),
    autoReconcile: flag,
    ...shared,
  }),
  [TIERING_POLICY_KIND]: some({
    hotTier: tier(oneOf('redis', 'postgres'), ttl('1h')),
    warmTier: tier(oneOf('redis', 'postgres', 's3', 'gcs'), ttl('7d')),
    coldTier: tier(oneOf('redis', 'postgres', 's3', 'gcs'), ttl('90d')),
    demotionInterval: duration,
    predictivePromotion: flag,
    costOptimization: flag,
    healthGates: gatesOf(rolloutGates),
    ...shared,
  }),
}

describe('the API server and the operator', () => {
  it.each(KINDS.map(({ kind }) => kind))(
    'accept and refuse the same specs of a %s, and fill in the same defaults',
    async (kind) => {
      const counts = { accepted: 0, refused: 0 }
      const property = fc.asyncProperty(SPECS[kind] as fc.Arbitrary<Fields>, async (change) => {
        const spec = changed(GOOD[kind] as Fields, change)
        const own = VALIDATE[kind]?.(spec) as Validated<unknown>
        let stored: Custom | undefined
        let refusal = ''
        try {
          stored = await client.create(typeOf(kind), { metadata: { namespace: 'default', name: 'any' }, spec }, { dryRun: true })
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 422) throw error
          refusal = error.message
        }
        expect({ spec, accepted: stored !== undefined, refusal }).toMatchObject({
          accepted: own.ok,
          ...(own.ok ? {} : { refusal: expect.any(String) }),
        })
        counts[own.ok ? 'accepted' : 'refused']++
        if (own.ok) expect(VALIDATE[kind]?.(stored?.spec)).toEqual(own)
        else expect(problemsText(own.problems)).toContain('spec')
      })
      await fc.assert(property, { numRuns: RUNS, ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) })
      // Neither side of the question was left out.
      expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(RUNS / 10)
    },
  )
})
