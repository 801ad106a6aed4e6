/**
 * The operator has no right that it does not use, and lacks none: every rule that its account was granted is compared with what the API
 * server's audit log says it did, since the cluster was started. What is needed for that beyond earlier suites is done here.
 */
import { get } from 'node:https'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiUse, apiUseOf, grantName } from '../support/audit-log.ts'
import { TestFleet } from '../support/fleet.ts'
import type { Resource } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import { installOperator, OPERATOR_NAMESPACE, OPERATOR_RELEASE, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-rbac'
const METRICS_PORT = 8443
const ACCOUNT = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR_RELEASE}`
const auditLogs = dirname(process.env.FLK_E2E_KUBECONFIG ?? '')

/** Rights that a run may not need, or that the log shows under another name. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'create core/configmaps': 'a certificate is made by server-side apply: authorised as create, logged as patch',
  'get fractal.lba.io/shardmigrations': 'read again after a conflict',
  'get fractal.lba.io/crrpolicies': 'read again after a conflict',
  'get fractal.lba.io/tieringpolicies': 'read again after a conflict',
}
let fleet: TestFleet
let use: ApiUse

const policy = {
  apiVersion: 'fractal.lba.io/v1',
  kind: 'TieringPolicy',
  metadata: { name: 'tiers', namespace: NAMESPACE },
  spec: {
    hotTier: { backend: 'redis', ttl: '1h' },
    warmTier: { backend: 'postgres', ttl: '7d' },
    coldTier: { backend: 's3', ttl: '90d' },
    gates: { onNoData: 'Pass', windowSeconds: 2, intervalSeconds: 1 },
    stepSeconds: 0,
  },
}
const crr = {
  apiVersion: 'fractal.lba.io/v1',
  kind: 'CRRPolicy',
  metadata: { name: 'regions', namespace: NAMESPACE },
  spec: {
    sourceRegion: 'eu-west',
    targetRegions: ['us-east'],
    replicationMode: 'full',
    gates: { onNoData: 'Pass', windowSeconds: 2, intervalSeconds: 1 },
    stepSeconds: 0,
  },
}

beforeAll(async () => {
  await installOperator(kubectl)
  fleet = await TestFleet.install(kubectl, {
    namespace: NAMESPACE,
    kind: 'redis',
    replicas: 2,
    shards: 1,
    settings: [
      'rollout.settings.ready-seconds=20',
      'rollout.settings.step-seconds=1',
      'rollout.settings.window-seconds=2',
      'rollout.settings.interval-seconds=1',
    ],
  })
  await fleet.upgrade({ shards: 2 })
  await kubectl.apply(
    fleet.migration('small', 1, 2, {
      gates: { onNoData: 'Pass', windowSeconds: 2, intervalSeconds: 1 },
      soakSeconds: 0,
      stepSeconds: 0,
    }),
  )
  await fleet.untilPhase('small', ['Completed'], 120_000)
  await repeatAnEvent()
  for (const [object, kind] of [
    [policy, 'tieringpolicies'],
    [crr, 'crrpolicies'],
  ] as const) {
    await kubectl.apply(object)
    await until(`${kind} on all pods`, 90_000, async () => {
      const { status } = await kubectl.get(kind, NAMESPACE, object.metadata.name)
      const conditions = (status?.conditions ?? []) as { type: string; reason: string }[]
      const ready = conditions.find(({ type }) => type === 'Ready')
      return ready?.reason === 'NotSupportedByFleet' ? ready : ready?.reason
    })
    await kubectl.run(['-n', NAMESPACE, 'annotate', kind, object.metadata.name, 'fractal.lba.io/pause=true'])
    await kubectl.run(['-n', NAMESPACE, 'delete', kind, object.metadata.name, '--timeout=60s'])
  }
  await kubectl.run(['-n', NAMESPACE, 'delete', 'shardmigration', 'small', '--timeout=60s'])
  // A revision that never becomes ready is taken back, which takes the deletion of its pod.
  await fleet.upgrade({ shards: 2, settings: ['image.tag=there-is-none'], wait: false })
  await until('a revision taken back', 120_000, async () => {
    const { metadata } = await kubectl.get('statefulsets', NAMESPACE, 'fractal-lba')
    const status = JSON.parse(metadata.annotations?.['fractal.lba.io/rollout-status'] ?? '{}') as {
      phase?: string
      message?: string
    }
    return status.phase === 'RolledBack' ? status : status.message
  })
  // Somebody reads the metrics, which the operator asks the API server about.
  await scrapeMetrics()
  use = await apiUseOf(auditLogs, ACCOUNT)
}, 600_000)
afterAll(() => fleet?.remove())

/** An event that comes again is counted in the first one. */
async function repeatAnEvent(): Promise<void> {
  for (const value of ['once', 'again']) {
    await fleet.annotate('small', 'abort', value)
    await until('a refusal to abort what has ended', 60_000, async () => {
      const { metadata } = await fleet.readMigration('small')
      return metadata.annotations?.['fractal.lba.io/abort'] === undefined ? metadata : 'it has not been looked at'
    })
  }
  await until('a counted event', 60_000, async () => {
    const events = (await kubectl.list('events', NAMESPACE)) as (Resource & { series?: { count: number } })[]
    return events.find(({ series }) => (series?.count ?? 0) > 1) ?? `${events.length} events, each once`
  })
}

async function scrapeMetrics(): Promise<void> {
  const [pod] = await kubectl.list('pods', OPERATOR_NAMESPACE, 'app.kubernetes.io/name=fractal-lba-operator')
  const ip = (pod?.status as { podIP?: string } | undefined)?.podIP
  const token = (await kubectl.run(['-n', OPERATOR_NAMESPACE, 'create', 'token', OPERATOR_RELEASE])).trim()
  const status = await new Promise<number | undefined>((resolve, reject) => {
    // The chart made the certificate itself; whom it belongs to is not what is asked here.
    const options = { host: ip, port: METRICS_PORT, path: '/metrics', rejectUnauthorized: false }
    const asked = get({ ...options, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject)
  })
  // The operator's own account may not read metrics; that the API server was asked is what counts here.
  expect([200, 403]).toContain(status)
}

interface Rule {
  readonly apiGroups?: string[]
  readonly resources?: string[]
  readonly verbs: string[]
  readonly nonResourceURLs?: string[]
}

async function grants(): Promise<Set<string>> {
  const bindings = [
    ...(await kubectl.list('clusterrolebindings', undefined)),
    ...(await kubectl.list('rolebindings', OPERATOR_NAMESPACE)),
    ...(await kubectl.list('rolebindings', NAMESPACE)),
  ] as (Resource & { subjects?: { kind: string; name: string; namespace?: string }[]; roleRef: { kind: string; name: string } })[]
  const ours = bindings.filter(({ subjects = [] }) =>
    subjects.some(
      ({ kind, name, namespace }) => kind === 'ServiceAccount' && name === OPERATOR_RELEASE && namespace === OPERATOR_NAMESPACE,
    ),
  )
  const all = new Set<string>()
  for (const { roleRef, metadata } of ours) {
    const [kind, namespace] =
      roleRef.kind === 'ClusterRole' ? (['clusterroles', undefined] as const) : (['roles', metadata.namespace] as const)
    const role = await kubectl.get<Resource & { rules?: Rule[] }>(kind, namespace, roleRef.name)
    for (const { apiGroups = [], resources = [], verbs } of role.rules ?? [])
      for (const group of apiGroups)
        for (const resource of resources) for (const verb of verbs) all.add(grantName(verb, group, resource))
  }
  return all
}

it('was refused nothing', async () => {
  const there = new Set((await kubectl.list('namespaces', undefined)).map(({ metadata }) => metadata.name))
  // Where a namespace, or the operator's own chart, is being deleted, rights go before those who use them.
  const held = use.refused.filter(({ namespace }) => there.has(namespace) && namespace !== OPERATOR_NAMESPACE)
  expect(held).toEqual([])
  expect(use.refused.filter(({ grant, namespace }) => namespace === OPERATOR_NAMESPACE && !grant.endsWith('/leases'))).toEqual([])
})

it('uses every right that it has', async () => {
  const granted = await grants()
  expect(granted.size).toBeGreaterThan(10)
  expect([...granted].filter((grant) => !use.used.has(grant) && EXPLAINED[grant] === undefined)).toEqual([])
  expect([...granted].filter((grant) => grant.includes('*'))).toEqual([])
})
