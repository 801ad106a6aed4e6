/**
 * Argo CD delivers a fleet and its migrations from git: health as it should be at each point, self-heal where something is changed by
 * hand, verbs, and a rollback of the operator's that Argo CD does not fight.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { type Application, ARGOCD_NAMESPACE, ArgoCd } from '../support/argocd.ts'
import { GitServer } from '../support/git-server.ts'
import type { Resource } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import { checkout, HMAC_KEY, installOperator, makeNamespace, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-argocd'
const RELEASE = 'fractal-lba'
const MINUTE_MS = 60_000
let git: GitServer
let argocd: ArgoCd

const shards = (count: number) =>
  Array.from({ length: count }, (_, index) => `redis://${RELEASE}-shard-${index}.${NAMESPACE}.svc:6379`)

const fleetValues = (more: Record<string, unknown> = {}) => ({
  shards: {
    kind: 'redis',
    credentials: { existingSecret: 'shard-login' },
    bundled: {
      enabled: true,
      count: 2,
      image: { repository: 'docker.io/fractal-lba/redis', tag: 'test' },
      resources: { requests: { cpu: '20m' } },
    },
  },
  admin: { existingSecret: 'admin' },
  signing: { algorithm: 'hmac', existingSecret: 'signing' },
  replicas: 2,
  resources: { requests: { cpu: '50m' } },
  rollout: {
    managed: true,
    settings: { 'step-seconds': '1', 'ready-seconds': '20', 'window-seconds': '2', 'interval-seconds': '1' },
  },
  ...more,
})

/** The project's samples, with this repository and these values: what their users edit. */
async function samples(values: Record<string, unknown>): Promise<Application[]> {
  const text = (await readFile(join(checkout, 'config/argocd/applications.yaml'), 'utf8'))
    .replaceAll('https://git.example/fractal-lba.git', git.url)
    .replaceAll('prod-fractal-lba', RELEASE)
  return parseAllDocuments(text)
    .map(
      (document) =>
        document.toJS() as Application & {
          spec: { destination: { namespace: string }; source: { path: string; helm?: Record<string, unknown> } }
        },
    )
    .filter(({ metadata }) => metadata.name !== 'fractal-lba-operator')
    .map((application) => {
      application.spec.destination.namespace = NAMESPACE
      if (application.spec.source.helm) application.spec.source.helm = { releaseName: RELEASE, valuesObject: values }
      else application.spec.source.path = 'resources'
      return application
    })
}

const migration = (name: string, spec: Record<string, unknown> = {}) =>
  stringify({
    apiVersion: 'fractal.lba.io/v1',
    kind: 'ShardMigration',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      sourceShards: shards(2),
      targetShards: shards(1),
      dedupBackend: 'redis',
      throttleQPS: 10_000,
      gates: { onNoData: 'Pass', windowSeconds: 2, intervalSeconds: 1 },
      soakSeconds: 2,
      stepSeconds: 1,
      ...spec,
    },
  })

const synced = ({ status }: Application) => status?.sync?.status === 'Synced'
const isHealth = (wanted: string) => (application: Application) => application.status?.health?.status === wanted
const secret = (name: string, stringData: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: NAMESPACE },
  stringData,
})

beforeAll(async () => {
  await installOperator(kubectl)
  await makeNamespace(kubectl, NAMESPACE)
  await kubectl.apply(
    secret('shard-login', { password: 'for-tests-only' }),
    secret('admin', { token: 'for-tests-only-0123456789' }),
    secret('signing', { 'hmac-key': HMAC_KEY }),
  )
  git = await GitServer.start()
  await git.copy(join(checkout, 'charts'), 'charts')
  await git.write('resources/README.md', 'Custom resources of the fleet.\n')
  await git.push('The charts')
  argocd = await ArgoCd.start(kubectl)
}, 15 * MINUTE_MS)

afterAll(async () => {
  await kubectl.run(['-n', ARGOCD_NAMESPACE, 'delete', 'application', '--all', '--wait=false'])
  await argocd?.stop()
  await git?.stop()
  await kubectl.deleteNamespace(NAMESPACE)
  await kubectl.deleteNamespace(ARGOCD_NAMESPACE)
}, 15 * MINUTE_MS)

const rolloutOf = (statefulSet: Resource) =>
  JSON.parse(statefulSet.metadata.annotations?.['fractal.lba.io/rollout-status'] ?? '{}') as { phase?: string; message?: string }
const statefulSet = () => kubectl.get('statefulsets', NAMESPACE, RELEASE)

describe('Argo CD', () => {
  it(
    'installs a fleet from git, and sees it healthy',
    async () => {
      await kubectl.apply(...(await samples(fleetValues())))
      await argocd.untilApplication(
        'fractal-lba-fleet',
        'synced and healthy',
        9 * MINUTE_MS,
        (application) => synced(application) && isHealth('Healthy')(application),
      )
    },
    12 * MINUTE_MS,
  )

  it(
    'puts back what is changed by hand, but for what is the operator’s',
    async () => {
      const label = 'app.kubernetes.io/part-of'
      await kubectl.run(['-n', NAMESPACE, 'label', '--overwrite', 'service', RELEASE, `${label}=changed-by-hand`])
      await until('the label of git', 3 * MINUTE_MS, async () => {
        const { labels = {} } = (await kubectl.get('services', NAMESPACE, RELEASE)).metadata
        return labels[label] === 'fractal-lba' ? labels : labels[label]
      })
      const held = (await statefulSet()).spec as { updateStrategy?: { rollingUpdate?: { partition?: number } } }
      expect(held.updateStrategy?.rollingUpdate?.partition).toBe(1_000_000)
    },
    6 * MINUTE_MS,
  )

  it(
    'shows a migration as suspended while it waits for approval, progressing while it runs, healthy when it is complete',
    async () => {
      await git.write('resources/shrink.yaml', migration('shrink', { approval: 'Manual', soakSeconds: 6 }))
      await git.push('Shrink to one shard')
      const resources = 'fractal-lba-resources'
      await argocd.refresh(resources)
      await kubectl.run([
        '-n',
        ARGOCD_NAMESPACE,
        'patch',
        'application',
        resources,
        '--type=merge',
        '-p',
        '{"spec":{"syncPolicy":{"automated":{"selfHeal":false}}}}',
      ])
      const waiting = await argocd.untilApplication(resources, 'suspended', 6 * MINUTE_MS, isHealth('Suspended'))
      expect(waiting.status?.resources?.find(({ kind }) => kind === 'ShardMigration')?.health?.status).toBe('Suspended')
      const { status } = await kubectl.get('shardmigrations', NAMESPACE, 'shrink')
      const hash = String((status as { planHash: string }).planHash)
      await kubectl.run(['-n', NAMESPACE, 'annotate', 'shardmigration', 'shrink', `fractal.lba.io/approve=${hash}`])
      await argocd.untilApplication(resources, 'progressing', 3 * MINUTE_MS, isHealth('Progressing'))
      const done = await argocd.untilApplication(resources, 'healthy', 6 * MINUTE_MS, isHealth('Healthy'))
      expect(synced(done)).toBe(true)
    },
    15 * MINUTE_MS,
  )

  it(
    'shows a migration that fails its gates as degraded',
    async () => {
      await git.write(
        'resources/grow.yaml',
        migration('grow', {
          sourceShards: shards(1),
          targetShards: shards(2),
          gates: { onNoData: 'Fail', windowSeconds: 1, intervalSeconds: 1 },
          progressDeadlineSeconds: 8,
        }),
      )
      await git.push('Grow, with gates that cannot pass')
      await argocd.refresh('fractal-lba-resources')
      await argocd.untilApplication('fractal-lba-resources', 'degraded', 6 * MINUTE_MS, isHealth('Degraded'))
    },
    9 * MINUTE_MS,
  )

  it(
    'does not fight the operator that takes a bad image back: degraded, not out of sync, and healthy again once git is corrected',
    async () => {
      const [fleet] = await samples(fleetValues({ image: { tag: 'there-is-none' } }))
      await kubectl.apply(fleet as object)
      await until('the image taken back', 9 * MINUTE_MS, async () => {
        const rollout = rolloutOf(await statefulSet())
        return rollout.phase === 'RolledBack' ? rollout : `${rollout.phase}: ${rollout.message}`
      })
      // Degraded and synced at once: a comparison that began before the rollback ended may say otherwise for a moment.
      const degraded = await argocd.untilApplication(
        'fractal-lba-fleet',
        'degraded, and not out of sync',
        3 * MINUTE_MS,
        (application) => synced(application) && isHealth('Degraded')(application),
      )
      const startedAt = degraded.status?.operationState?.startedAt
      const pods = await kubectl.list('pods', NAMESPACE, 'app.kubernetes.io/component=verifier')
      expect(pods).toHaveLength(2)
      // Another round of Argo CD changes nothing: no new sync, and the pods stay as they are.
      await argocd.refresh('fractal-lba-fleet')
      const later = await argocd.untilApplication(
        'fractal-lba-fleet',
        'looked at again',
        3 * MINUTE_MS,
        ({ metadata }) => metadata.annotations?.['argocd.argoproj.io/refresh'] === undefined,
      )
      expect(later.status?.operationState?.startedAt).toBe(startedAt)
      expect(synced(later)).toBe(true)
      expect(rolloutOf(await statefulSet()).phase).toBe('RolledBack')

      const [corrected] = await samples(fleetValues())
      await kubectl.apply(corrected as object)
      await argocd.untilApplication(
        'fractal-lba-fleet',
        'healthy again',
        6 * MINUTE_MS,
        (application) => synced(application) && isHealth('Healthy')(application),
      )
    },
    24 * MINUTE_MS,
  )
})
