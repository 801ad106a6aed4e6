/**
 * Policies as objects of a real API server: that what the controllers write passes the definitions, that verbs, finalizers and conditions
 * are what kubectl sees. The fleet is simulated.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { established } from '@fractal-lba/servers/kubernetes/established'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { annotationOf, FINALIZER } from '../../api/group.ts'
import type { TieringPolicySpec } from '../../api/tieringpolicy.ts'
import { validateCrrPolicy, validateTieringPolicy } from '../../api/validate.ts'
import { policyObjects } from '../../kubernetes/policy-objects.ts'
import { CRR_POLICIES, type PolicyResource, TIERING_POLICIES } from '../../kubernetes/resources.ts'
import { WELL } from '../../rollout/testing/simulated-traffic.ts'
import { Cache } from '../../runtime/cache/cache.ts'
import { loadConnection } from '../../runtime/client/connection.ts'
import { KubeClient } from '../../runtime/client/kube-client.ts'
import { systemClock } from '../../runtime/clock.ts'
import { EventRecorder } from '../../runtime/events/event-recorder.ts'
import { Outdated } from '../../runtime/reconcile.ts'
import { until } from '../../runtime/testing/until.ts'
import { PolicyController } from './controller.ts'
import { CRR_POLICY, TIERING_POLICY } from './kinds.ts'
import type { AnyPolicyStatus } from './objects.ts'
import { PolicyWorld } from './testing/policy-world.ts'

const NAMESPACE = 'default'
const LOOK_EVERY_MS = 50
const CRDS = join(import.meta.dirname, '../../../../crds')
const FAST = {
  gates: { windowSeconds: 1, intervalSeconds: 0.2, minSamples: 10, failures: 2, of: 3 },
  stepSeconds: 0.5,
  steps: [1, 100],
}
const TIERING = {
  hotTier: { backend: 'redis', ttl: '1h' },
  warmTier: { backend: 'postgres', ttl: '7d' },
  coldTier: { backend: 's3', ttl: '90d' },
  ...FAST,
}
const CRR = { sourceRegion: 'eu', targetRegions: ['us'], ...FAST }

/** As the work queue does. */
const lookAgain = (error: unknown) => {
  if (!(error instanceof Outdated)) throw error
}

let plane: ControlPlane
let client: KubeClient
let world: PolicyWorld
let ended = false
let loop: Promise<void>
const caches: Cache<PolicyResource>[] = []

const kubectl = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(programPath('kubectl'), ['--kubeconfig', plane.kubeconfig, ...args])).stdout

beforeAll(async () => {
  plane = await startControlPlane()
  const connection = await loadConnection({ env: {}, kubeconfig: plane.kubeconfig })
  client = new KubeClient({ connection, userAgent: 'test', fieldManager: 'fractal-lba-operator' })
  await kubectl('apply', '--server-side', '-f', CRDS)
  await established(kubectl, '-f', CRDS)
  const onError = (doing: string, error: unknown) => console.error(doing, error)
  const common = { client, clock: systemClock, random: Math.random, onError }
  const events = new EventRecorder({ ...common, controller: 'fractal.lba.io/operator', instance: 'test' })
  world = new PolicyWorld(3)
  const cacheOf = async (type: typeof CRR_POLICIES) => {
    const cache = new Cache<PolicyResource>({ ...common, type })
    caches.push(cache)
    cache.start()
    await cache.synced()
    return cache
  }
  const shared = { fleets: world, now: Date.now, log: () => {} }
  const parts = { client, events, namespace: NAMESPACE, now: Date.now }
  const crrObjects = policyObjects({ ...parts, cache: await cacheOf(CRR_POLICIES) }, validateCrrPolicy)
  const tieringObjects = policyObjects({ ...parts, cache: await cacheOf(TIERING_POLICIES) }, validateTieringPolicy)
  const crr = new PolicyController({ ...shared, kind: CRR_POLICY, objects: crrObjects, otherKinds: () => tiering.claimants() })
  const tiering: PolicyController<TieringPolicySpec> = new PolicyController({
    ...{ ...shared, kind: TIERING_POLICY, objects: tieringObjects },
    otherKinds: () => crr.claimants(),
  })
  loop = (async () => {
    const { signal } = new AbortController()
    while (!ended) {
      world.nowMs = Date.now()
      for (const pod of world.pods) pod.traffic.serve(world.behaviour(pod), LOOK_EVERY_MS)
      for (const name of await crrObjects.names()) await crr.reconcile(name, signal).catch(lookAgain)
      for (const name of await tieringObjects.names()) await tiering.reconcile(name, signal).catch(lookAgain)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  })()
})
afterAll(async () => {
  ended = true
  await loop
  await Promise.all(caches.map((cache) => cache.stop()))
  client?.close()
  await plane?.stop()
})

const apply = (type: typeof CRR_POLICIES, name: string, spec: object) =>
  client.apply(type, { metadata: { name, namespace: NAMESPACE }, spec } as unknown as PolicyResource, { fieldManager: 'user' })
const read = async (type: typeof CRR_POLICIES, name: string) => {
  const object = await client.get(type, { namespace: NAMESPACE, name })
  const status = object?.status as AnyPolicyStatus | undefined
  return { object, status, ready: status?.conditions?.find(({ type }) => type === 'Ready') }
}

describe('policies in a cluster', () => {
  it('are rolled out, of either kind, and kubectl wait sees them ready', async () => {
    await apply(TIERING_POLICIES, 'tiers', TIERING)
    await apply(CRR_POLICIES, 'regions', CRR)
    await kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'tierp/tiers', 'crrp/regions')
    const { object, status } = await read(TIERING_POLICIES, 'tiers')
    expect(object?.metadata.finalizers).toEqual([FINALIZER])
    expect(status).toMatchObject({ active: true, phase: 'Ready', observedGeneration: 1, rollout: { podsTotal: 3 } })
    expect(world.pods.every((pod) => pod.push.policies.crr && pod.push.policies.tiering)).toBe(true)
    expect(await kubectl('get', 'flk')).toMatch(/regions +Ready +100/)
  })

  it('that do harm are taken back with the reading that caused it, and a retry by annotation is taken and echoed', async () => {
    world.behaviour = (pod) => (pod.push.policies.tiering?.costOptimization ? { ...WELL, failedShare: 0.5 } : WELL)
    await apply(TIERING_POLICIES, 'tiers', { ...TIERING, costOptimization: true })
    await until('taken back', async () => (await read(TIERING_POLICIES, 'tiers')).status?.phase === 'RolledBack', 60_000)
    const { status, ready } = await read(TIERING_POLICIES, 'tiers')
    expect(ready).toMatchObject({ status: 'False', reason: 'RevisionRolledBack', observedGeneration: 2 })
    expect(status?.halt).toMatchObject({ reason: 'GateFailed', reading: { metric: 'maxErrorRate', verdict: 'Fail' } })
    await until('an event', async () =>
      (await kubectl('events', '--for', 'tieringpolicies.fractal.lba.io/tiers')).includes('GateFailed'),
    )

    world.behaviour = () => WELL
    await kubectl('annotate', 'tierp/tiers', `${annotationOf('retry')}=now`)
    await kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'tierp/tiers')
    const after = await read(TIERING_POLICIES, 'tiers')
    expect(after.object?.metadata.annotations ?? {}).not.toHaveProperty([annotationOf('retry')])
    expect(after.status?.verbs).toMatchObject([{ verb: 'retry', value: 'now', accepted: true }])
  })

  it('of one kind are one: the second says which one is in force', async () => {
    await apply(CRR_POLICIES, 'regions-2', { ...CRR, targetRegions: ['ap'] })
    await until('refused', async () => (await read(CRR_POLICIES, 'regions-2')).ready?.reason === 'PolicyConflict')
    expect((await read(CRR_POLICIES, 'regions-2')).ready?.message).toContain('(regions)')
    await kubectl('delete', 'crrp/regions-2', '--timeout=30s')
  })

  it('that pods cannot carry out are not ready, and say why', async () => {
    for (const pod of world.pods) pod.capabilities = []
    await apply(CRR_POLICIES, 'regions', { ...CRR, maxRetries: 5 })
    await until('said', async () => (await read(CRR_POLICIES, 'regions')).ready?.reason === 'NotSupportedByFleet', 60_000)
    expect((await read(CRR_POLICIES, 'regions')).status).toMatchObject({ active: false, progress: { percentage: 100 } })
    await expect(kubectl('wait', '--for=condition=Ready', '--timeout=1s', 'crrp/regions')).rejects.toThrow(/timed out/)
  })

  it('are out of the pods when kubectl delete returns', async () => {
    await kubectl('delete', 'crrp/regions', 'tierp/tiers', '--timeout=30s')
    expect(world.pods.map((pod) => pod.push.policies)).toEqual([{}, {}, {}])
    expect(world.kept?.policies).toEqual({})
  })
})
