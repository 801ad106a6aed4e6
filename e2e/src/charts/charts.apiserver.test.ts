/** Both charts against a real API server: what it admits, what it refuses, what survives an upgrade and an uninstallation. */

import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kubectl } from '../support/kubectl.ts'
import { run } from '../support/run-command.ts'
import { until } from '../support/until.ts'
import { FLEET_CHART, makeNamespace, OPERATOR_CHART, OPERATOR_NAMESPACE } from '../support/world.ts'
import { podsOf, type Rendered, render } from './render.ts'

const FLEET = 'fractal-lba'
const OPERATOR = 'fractal-lba-operator'
const NAMESPACE = 'charts'
const PATIENCE_MS = 60_000

const ADDRESSES = 'shards.addresses={redis://a.example:6379,redis://b.example:7000}'
const FLEETS: Readonly<Record<string, readonly string[]>> = {
  'external shards': [ADDRESSES, 'shards.credentials.existingSecret=login'],
  'bundled Redis': ['shards.bundled.enabled=true', 'shards.bundled.count=3'],
  'bundled Postgres on emptyDir': [
    'shards.bundled.enabled=true',
    'shards.kind=postgres',
    'shards.bundled.storage.kind=emptyDir',
    'wal.storage=emptyDir',
  ],
  'everything on': [
    ADDRESSES,
    'autoscaling.enabled=true',
    'signing.algorithm=hmac',
    'signing.existingSecret=keys',
    'multiTenant.enabled=true',
    'multiTenant.existingSecret=keys',
    'tls.enabled=true',
    'tls.secretName=admin-tls',
    'metrics.existingSecret=basic',
    'admin.existingSecret=admin',
    'rollout.settings.step-seconds=60',
    'service.type=LoadBalancer',
    'priorityClassName=system-cluster-critical',
    'networkPolicy.clients[0].podSelector.matchLabels.role=agent',
  ],
}
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  'cluster-wide': [],
  'named namespaces': [`watchNamespaces={${NAMESPACE}}`, 'signing.existingSecret=signing'],
  'no ClusterRole': [`watchNamespaces={${NAMESPACE}}`, 'rbac.clusterWide=false'],
}

let controlPlane: ControlPlane
let kubectl: Kubectl

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true })
  kubectl = new Kubectl(controlPlane.kubeconfig)
  for (const namespace of [NAMESPACE, OPERATOR_NAMESPACE]) {
    await makeNamespace(kubectl, namespace)
    await until('the default account', PATIENCE_MS, () => kubectl.get('serviceaccounts', namespace, 'default'))
  }
})
afterAll(() => controlPlane?.stop())

const fails = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was accepted',
    (error: Error) => error.message,
  )

/** Whether the API server takes these, without keeping them; with its warnings, which say what PodSecurity would refuse later. */
async function admitted(objects: readonly object[]): Promise<string> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n')
  return kubectl.run(['apply', '--server-side', '--dry-run=server', '--warnings-as-errors', '-f', '-'], { input })
}

/** No cluster of ours has the kinds of the Prometheus operator. */
const ofThisCluster = ({ apiVersion }: Rendered) => !apiVersion.startsWith('monitoring.coreos.com')

describe.each([
  ['fleet', FLEET, FLEET_CHART, NAMESPACE, FLEETS],
  ['operator', OPERATOR, OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATORS],
] as const)("the %s's chart", (_, release, chart, namespace, sets) => {
  it('passes helm lint and its unit tests', async () => {
    const settings = Object.values(sets)[0]!.flatMap((setting) => ['--set', setting])
    expect(await run(programPath('helm'), ['lint', '--strict', chart, ...settings])).toContain('0 chart(s) failed')
    expect(await run(programPath('helm-unittest'), [chart])).toMatch(/Tests: +[1-9]\d* passed, \d+ total/)
  })

  it.each(Object.entries(sets))('is admitted where PodSecurity restricted is enforced: %s', async (_, settings) => {
    const objects = (await render(release, chart, namespace, settings)).filter(ofThisCluster)
    const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount')
    // A pod is refused unless its account is there.
    await kubectl.apply(...accounts)
    const answer = await admitted([...objects, ...podsOf(objects, namespace)]).finally(() =>
      kubectl.run(['delete', '-n', namespace, 'serviceaccount', ...accounts.map(({ metadata }) => metadata.name)]),
    )
    for (const { metadata } of objects) expect(answer).toContain(`/${metadata.name} serverside-applied (server dry run)`)
    expect(podsOf(objects, namespace).length).toBeGreaterThan(0)
  })

  it.each(Object.entries(sets))('grants nothing with a wildcard: %s', async (_, settings) => {
    const rules = (await render(release, chart, namespace, settings)).flatMap(({ rules }) => rules ?? [])
    expect(rules.length).toBeGreaterThan(0)
    expect(
      rules.filter((rule) =>
        Object.values(rule)
          .flat()
          .some((what) => what.includes('*')),
      ),
    ).toEqual([])
  })
})

describe('PodSecurity in these tests', () => {
  it('refuses a pod that the charts would make if one field were missing', async () => {
    const [pod] = podsOf(await render(OPERATOR, OPERATOR_CHART, 'charts', OPERATORS['cluster-wide']!), NAMESPACE) as [
      { spec: { securityContext: object; serviceAccountName?: string } },
    ]
    const weakened = { ...pod, spec: { ...pod.spec, serviceAccountName: 'default', securityContext: { runAsUser: 65532 } } }
    expect(await fails(admitted([weakened]))).toMatch(/violates PodSecurity "restricted.*seccompProfile/)
  })
})

describe('the operator in named namespaces', () => {
  it('has no ClusterRole at all where none is wanted', async () => {
    const objects = await render(OPERATOR, OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATORS['no ClusterRole']!)
    expect(objects.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([])
    const roles = objects.filter(({ kind }) => kind === 'Role')
    expect(roles.map(({ metadata }) => metadata.namespace).sort()).toEqual([NAMESPACE, OPERATOR_NAMESPACE])
  })
})

describe('installed', () => {
  const install = (release: string, chart: string, namespace: string, settings: readonly string[]) =>
    kubectl.helm([
      ...['upgrade', '--install', release, chart, '-n', namespace],
      ...settings.flatMap((setting) => ['--set', setting]),
    ])
  const account = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR}`
  const mayDo = async (question: string): Promise<boolean> => {
    const args = ['auth', 'can-i', ...question.split(' '), '--as', account]
    return (await kubectl.run(args, { allowExitCodes: [0, 1] })).trim() === 'yes'
  }

  beforeAll(async () => {
    await install(OPERATOR, OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATORS['cluster-wide']!)
    await install(FLEET, FLEET_CHART, NAMESPACE, FLEETS['bundled Redis']!)
  })

  it('a fleet and an operator get their pods from their controllers', async () => {
    const count = async (namespace: string, selector: string) => (await kubectl.list('pods', namespace, selector)).length
    await until('pods of the charts', PATIENCE_MS, async () => {
      const counts = {
        verifiers: await count(NAMESPACE, 'app.kubernetes.io/component=verifier'),
        shards: await count(NAMESPACE, 'app.kubernetes.io/name=fractal-lba-shard'),
        operators: await count(OPERATOR_NAMESPACE, `app.kubernetes.io/name=${OPERATOR}`),
      }
      return counts.verifiers === 3 && counts.shards === 3 && counts.operators === 2 ? counts : JSON.stringify(counts)
    })
  })

  it.each([
    [`patch statefulsets.apps/${FLEET} -n ${NAMESPACE}`, true],
    [`patch statefulsets.apps/other -n ${NAMESPACE}`, false],
    [`get secrets/${FLEET}-admin -n ${NAMESPACE}`, true],
    [`get secrets/${FLEET}-shards -n ${NAMESPACE}`, true],
    [`get secrets/other -n ${NAMESPACE}`, false],
    [`list secrets -n ${NAMESPACE}`, false],
    [`get secrets/${OPERATOR} -n ${OPERATOR_NAMESPACE}`, false],
    [`patch configmaps/${FLEET}-config -n ${NAMESPACE}`, true],
    [`create configmaps -n ${OPERATOR_NAMESPACE}`, false],
    [`delete pods -n ${NAMESPACE}`, true],
    ['delete pods -n default', false],
    ['patch shardmigrations.fractal.lba.io --subresource=status -n default', true],
    ['delete shardmigrations.fractal.lba.io -n default', false],
    ['list pods --all-namespaces', true],
    [`update leases.coordination.k8s.io/${OPERATOR} -n ${OPERATOR_NAMESPACE}`, true],
    [`update leases.coordination.k8s.io/other -n ${OPERATOR_NAMESPACE}`, false],
    ['create tokenreviews.authentication.k8s.io', true],
  ])('the operator is asked to %s: %s', async (question, expected) => {
    expect(await mayDo(question)).toBe(expected)
  })

  it('people who may edit a namespace may edit custom resources there, and viewers only look', async () => {
    await kubectl.run(['create', 'rolebinding', 'ann', '-n', NAMESPACE, '--clusterrole=edit', '--user=ann'])
    await kubectl.run(['create', 'rolebinding', 'vic', '-n', NAMESPACE, '--clusterrole=view', '--user=vic'])
    const may = async (user: string, verb: string) =>
      (
        await kubectl.run(['auth', 'can-i', verb, 'shardmigrations.fractal.lba.io', '-n', NAMESPACE, '--as', user], {
          allowExitCodes: [0, 1],
        })
      ).trim()
    // The controller that aggregates roles takes a moment.
    await until('the aggregated roles', PATIENCE_MS, async () => {
      const answers = [await may('ann', 'create'), await may('vic', 'list'), await may('vic', 'patch')].join(' ')
      return answers === 'yes yes no' ? { answers } : answers
    })
  })

  it("an upgrade keeps the token, the operator's config and partition, and starts more shards without touching the verifiers", async () => {
    const secret = await kubectl.get('secrets', NAMESPACE, `${FLEET}-admin`)
    const desired = JSON.stringify({ generation: 7, revision: '0'.repeat(16), config: { shards: ['redis://moved:6379'] } })
    const byOperator = (kind: string, name: string, patch: object) =>
      kubectl.run(
        [
          'patch',
          kind,
          name,
          '-n',
          NAMESPACE,
          '--type=merge',
          '--field-manager=fractal-lba-operator',
          '-p',
          JSON.stringify(patch),
        ],
        {},
      )
    await byOperator('configmap', `${FLEET}-config`, { data: { 'fleet-config.json': desired, 'policies.json': '{}' } })
    await byOperator('statefulset', FLEET, {
      metadata: { annotations: { 'fractal.lba.io/rollout-status': '{}' } },
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1_000_000 } } },
    })
    const before = await kubectl.get('statefulsets', NAMESPACE, FLEET)

    await install(FLEET, FLEET_CHART, NAMESPACE, ['shards.bundled.enabled=true', 'shards.bundled.count=5'])

    expect((await kubectl.get('secrets', NAMESPACE, `${FLEET}-admin`)).data).toEqual(secret.data)
    const config = await kubectl.get('configmaps', NAMESPACE, `${FLEET}-config`)
    expect(config.data?.['fleet-config.json']).toBe(desired)
    expect(config.data?.['policies.json']).toBe('{}')
    expect(config.data?.['initial-shards']?.split(',')).toHaveLength(3)
    const after = await kubectl.get('statefulsets', NAMESPACE, FLEET)
    expect(after.spec?.template).toEqual(before.spec?.template)
    expect(after.spec?.updateStrategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { partition: 1_000_000 } })
    expect(after.metadata.annotations?.['fractal.lba.io/rollout-status']).toBe('{}')
    expect((await kubectl.list('statefulsets', NAMESPACE, 'app.kubernetes.io/name=fractal-lba-shard')).length).toBe(5)
  })

  it('an upgrade brings new definitions, an uninstallation keeps them with all custom resources', async () => {
    const crd = 'shardmigrations.fractal.lba.io'
    await kubectl.run(['annotate', 'crd', crd, 'test/older=true'])
    const columns = '[{"op":"replace","path":"/spec/versions/0/additionalPrinterColumns","value":[]}]'
    await kubectl.run(['patch', 'crd', crd, '--type=json', '--field-manager=helm', '-p', columns])
    const columnsNow = async () =>
      (
        (await kubectl.run(['get', 'crd', crd, '-o', 'jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}'])) || ''
      ).trim()
    expect(await columnsNow()).toBe('')
    await kubectl.apply({
      apiVersion: 'fractal.lba.io/v1',
      kind: 'ShardMigration',
      metadata: { name: 'kept', namespace: NAMESPACE },
      spec: { dedupBackend: 'redis', sourceShards: ['redis://a:6379'], targetShards: ['redis://a:6379', 'redis://b:6379'] },
    })

    await kubectl.helm(['upgrade', OPERATOR, OPERATOR_CHART, '-n', OPERATOR_NAMESPACE, '--force-conflicts'])
    expect(await columnsNow()).toContain('Phase')

    await kubectl.helm(['uninstall', OPERATOR, '-n', OPERATOR_NAMESPACE])
    expect((await kubectl.get('shardmigrations', NAMESPACE, 'kept')).metadata.name).toBe('kept')
    // And they are taken up again.
    await install(OPERATOR, OPERATOR_CHART, OPERATOR_NAMESPACE, [])
    expect((await kubectl.get('shardmigrations', NAMESPACE, 'kept')).metadata.deletionTimestamp).toBeUndefined()
  })

  it('a fleet that is uninstalled leaves what only it knew: its config, its token, its claims', async () => {
    const secret = await kubectl.get('secrets', NAMESPACE, `${FLEET}-admin`)
    await kubectl.helm(['uninstall', FLEET, '-n', NAMESPACE])
    expect((await kubectl.get('configmaps', NAMESPACE, `${FLEET}-config`)).data?.['fleet-config.json']).toContain('moved')
    expect((await kubectl.list('persistentvolumeclaims', NAMESPACE)).length).toBeGreaterThanOrEqual(3)
    await install(FLEET, FLEET_CHART, NAMESPACE, FLEETS['bundled Redis']!)
    expect((await kubectl.get('secrets', NAMESPACE, `${FLEET}-admin`)).data).toEqual(secret.data)
  })
})
