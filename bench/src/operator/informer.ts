/**
 * One process of a comparison, `node informer.ts ours|client-node KUBECONFIG`: keeps all custom resources and pods in memory, by our
 * caches or by the informers of @kubernetes/client-node, and says how long it took, how soon it hears of a change, and what it holds.
 */
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node'
import { quantile } from '../measure.ts'
import { residentMiB } from './process-figures.ts'
import { FLEETS, MIGRATIONS_A_FLEET, migrationName, namespaceOf, PODS_A_FLEET } from './shape.ts'

const CHANGES = 100
const CRS = FLEETS * (MIGRATIONS_A_FLEET + 2)
const PLURALS = ['shardmigrations', 'crrpolicies', 'tieringpolicies'] as const
type OnAnnotation = (name: string, value: string | undefined) => void

export interface InformerFigures {
  readonly syncMs: number
  readonly eventMs: number
  readonly residentMiB: number
}

interface Informer {
  readonly objects: () => number
}

async function ours(kubeconfig: string, onMigration: OnAnnotation): Promise<Informer> {
  const [{ Cache }, { loadConnection }, { KubeClient }, { systemClock }, resources] = await Promise.all([
    import('@fractal-lba/operator/runtime/cache/cache'),
    import('@fractal-lba/operator/runtime/client/connection'),
    import('@fractal-lba/operator/runtime/client/kube-client'),
    import('@fractal-lba/operator/runtime/clock'),
    import('@fractal-lba/operator/kubernetes/resources'),
  ])
  const client = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig }),
    userAgent: 'ours',
    fieldManager: 'ours',
  })
  const common = { client, clock: systemClock, random: Math.random, onError: (_: string, error: unknown) => console.error(error) }
  const migrations = new Cache({ ...common, type: resources.SHARD_MIGRATIONS })
  const policies = [resources.CRR_POLICIES, resources.TIERING_POLICIES].map((type) => new Cache({ ...common, type }))
  const pods = new Cache({ ...common, type: resources.PODS, trim: resources.trimPod })
  const caches = [migrations, ...policies, pods]
  migrations.onChange(({ new: now }) => now && onMigration(now.metadata.name, now.metadata.annotations?.['bench/event']))
  for (const cache of caches) cache.start()
  await Promise.all(caches.map((cache) => cache.synced()))
  return { objects: () => caches.reduce((sum, cache) => sum + cache.list().length, 0) }
}

async function clientNode(kubeconfig: string, onMigration: OnAnnotation): Promise<Informer> {
  const k8s = await import('@kubernetes/client-node')
  const config = new k8s.KubeConfig()
  config.loadFromFile(kubeconfig)
  const custom = config.makeApiClient(k8s.CustomObjectsApi)
  const core = config.makeApiClient(k8s.CoreV1Api)
  const of = { group: 'fractal.lba.io', version: 'v1' }
  const informers = PLURALS.map((plural) =>
    k8s.makeInformer<KubernetesObject>(
      config,
      `/apis/fractal.lba.io/v1/${plural}`,
      async () => (await custom.listClusterCustomObject({ ...of, plural })) as KubernetesListObject<KubernetesObject>,
    ),
  )
  const pods = k8s.makeInformer(config, '/api/v1/pods', () => core.listPodForAllNamespaces())
  for (const event of ['add', 'update'] as const)
    informers[0]?.on(event, ({ metadata }) => onMigration(metadata?.name ?? '', metadata?.annotations?.['bench/event']))
  await Promise.all([...informers, pods].map((informer) => informer.start()))
  return { objects: () => [...informers, pods].reduce((sum, informer) => sum + informer.list().length, 0) }
}

async function measure(kind: string, kubeconfig: string): Promise<InformerFigures> {
  const heard = new Map<string, () => void>()
  const onMigration: OnAnnotation = (name, value) => heard.get(`${name} ${value}`)?.()
  const startedMs = performance.now()
  const informer = await (kind === 'ours' ? ours : clientNode)(kubeconfig, onMigration)
  const syncMs = performance.now() - startedMs
  if (informer.objects() !== CRS + FLEETS * PODS_A_FLEET) throw new Error(`${kind} holds ${informer.objects()} objects`)
  const resident = await residentMiB(process.pid)

  const [{ loadConnection }, { KubeClient }, { SHARD_MIGRATIONS }] = await Promise.all([
    import('@fractal-lba/operator/runtime/client/connection'),
    import('@fractal-lba/operator/runtime/client/kube-client'),
    import('@fractal-lba/operator/kubernetes/resources'),
  ])
  const writer = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig }),
    userAgent: 'writer',
    fieldManager: 'bench',
  })
  const latencies: number[] = []
  for (let n = 0; n < CHANGES; n++) {
    const ref = { namespace: namespaceOf(n % FLEETS), name: migrationName(n) }
    const value = `${kind}-${n}`
    const sinceMs = performance.now()
    const hears = new Promise<void>((resolve) => heard.set(`${ref.name} ${value}`, resolve))
    await writer.mergePatch(SHARD_MIGRATIONS, ref, { metadata: { annotations: { 'bench/event': value } } })
    await hears
    latencies.push(performance.now() - sinceMs)
  }
  return { syncMs, eventMs: quantile(latencies, 0.5), residentMiB: resident }
}

const [kind = '', kubeconfig = ''] = process.argv.slice(2)
console.log(JSON.stringify(await measure(kind, kubeconfig)))
process.exit(0)
