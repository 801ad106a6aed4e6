/**
 * A cluster as the operator sees it: a real API server with fleets (StatefulSet, Secret, ConfigMap, pods) and custom resources. No node runs
 * anything: pods are objects whose admin ports simulated-pods.ts answers. Most resources are migrations that have completed, as they
 * pile up; each fleet has a policy of either kind, and the operator steps its updates.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { writeBundle } from '@fractal-lba/image/layers/bundle'
import { CRR_POLICIES, PODS, SHARD_MIGRATIONS, STATEFUL_SETS, TIERING_POLICIES } from '@fractal-lba/operator/kubernetes/resources'
import { loadConnection } from '@fractal-lba/operator/runtime/client/connection'
import { KubeClient } from '@fractal-lba/operator/runtime/client/kube-client'
import type { KubeObject, ResourceType } from '@fractal-lba/operator/runtime/client/objects'
import { ensurePrograms, programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { established } from '@fractal-lba/servers/kubernetes/established'
import { CLUSTER_PROGRAMS } from '@fractal-lba/servers/kubernetes/programs'
import { type Child, startChild } from './child.ts'
import * as objects from './objects.ts'
import { FLEETS, MIGRATIONS_A_FLEET, migrationName, namespaceOf, PODS_A_FLEET } from './shape.ts'

const WRITES_AT_ONCE = 16
const CHECKOUT = join(import.meta.dirname, '../../..')
const CRDS = join(CHECKOUT, 'crds')

const core = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
const NAMESPACES = core('namespaces', 'Namespace', false)
const SERVICE_ACCOUNTS = core('serviceaccounts', 'ServiceAccount')
const SECRETS = core('secrets', 'Secret')
const CONFIG_MAPS = core('configmaps', 'ConfigMap')

export interface Scene {
  readonly plane: ControlPlane
  readonly client: KubeClient
  /** Another, since caches see what their own client writes before the API server shows it. */
  readonly watcher: KubeClient
  /** The file that runs the operator in its image. */
  readonly operatorBundle: string
  /** As the StatefulSet controller does: says that it has seen what the operator changed. */
  settleWorkloads(): Promise<void>
  stop(): Promise<void>
}

export async function openScene(say: (line: string) => void): Promise<Scene> {
  await ensurePrograms(CLUSTER_PROGRAMS, say)
  const plane = await startControlPlane()
  const connection = await loadConnection({ env: {}, kubeconfig: plane.kubeconfig })
  const client = new KubeClient({ connection, userAgent: 'bench', fieldManager: 'bench' })
  const watcher = new KubeClient({ connection, userAgent: 'bench-watcher', fieldManager: 'bench' })
  const scratch = await mkdtemp(join(tmpdir(), 'flk-bench-operator-'))
  let pods: Child | undefined
  const stop = async () => {
    client.close()
    watcher.close()
    await pods?.stop()
    await plane.stop()
    await rm(scratch, { recursive: true, force: true })
  }
  try {
    const operatorBundle = await writeBundle(CHECKOUT, 'operator', scratch)
    const kubectl = (...args: string[]) =>
      promisify(execFile)(programPath('kubectl'), ['--kubeconfig', plane.kubeconfig, ...args])
    await kubectl('apply', '--server-side', '-f', CRDS)
    await established(kubectl, '-f', CRDS)
    say(`operator: ${FLEETS * PODS_A_FLEET} pods that answer, and their objects ...`)
    pods = startChild('bench/src/operator/simulated-pods.ts', [], {})
    const { ports } = JSON.parse(await pods.line('stdout', (line) => line.startsWith('{'))) as { ports: readonly number[] }
    await createFleets(client, ports)
    say(`operator: ${FLEETS * (MIGRATIONS_A_FLEET + 2)} custom resources ...`)
    await createResources(client)
    return { plane, client, watcher, operatorBundle, stop, settleWorkloads: () => settleWorkloads(client) }
  } catch (error) {
    await stop()
    throw error
  }
}

async function createFleets(client: KubeClient, ports: readonly number[]): Promise<void> {
  const writes: (() => Promise<unknown>)[] = []
  for (let fleet = 0; fleet < FLEETS; fleet++) {
    const namespace = namespaceOf(fleet)
    await client.create(NAMESPACES, { metadata: { name: namespace } })
    await client.create(SERVICE_ACCOUNTS, { metadata: { name: 'default', namespace } })
    await client.create(SECRETS, objects.secretOf(fleet))
    await client.create(CONFIG_MAPS, objects.configMapOf(fleet))
    const { metadata } = await client.create<KubeObject>(STATEFUL_SETS as ResourceType, objects.statefulSetOf(fleet))
    for (let ordinal = 0; ordinal < PODS_A_FLEET; ordinal++) {
      const port = ports[fleet * PODS_A_FLEET + ordinal] as number
      writes.push(async () => {
        const pod = objects.podOf(fleet, ordinal, metadata.uid ?? '', port)
        await client.create<KubeObject>(PODS as ResourceType, pod)
        const { name } = pod.metadata
        await client.mergePatch(
          PODS,
          { namespace, name },
          { metadata: {}, status: objects.podStatus() },
          { subresource: 'status' },
        )
      })
    }
  }
  await inParallel(writes)
  await settleWorkloads(client)
}

async function settleWorkloads(client: KubeClient): Promise<void> {
  for (const { metadata, status: present } of (await client.list(STATEFUL_SETS)).items) {
    if (present?.observedGeneration === metadata.generation) continue
    const revisions = { currentRevision: 'revision-1', updateRevision: 'revision-1' }
    const status = { observedGeneration: metadata.generation, replicas: PODS_A_FLEET, ...revisions }
    await client.mergePatch(STATEFUL_SETS, metadata, { metadata: {}, status }, { subresource: 'status' })
  }
}

async function createResources(client: KubeClient): Promise<void> {
  const writes: (() => Promise<unknown>)[] = []
  for (let fleet = 0; fleet < FLEETS; fleet++) {
    writes.push(() => client.create<KubeObject>(CRR_POLICIES as ResourceType, objects.crrPolicyOf(fleet)))
    writes.push(() => client.create<KubeObject>(TIERING_POLICIES as ResourceType, objects.tieringPolicyOf(fleet)))
    for (let n = 0; n < MIGRATIONS_A_FLEET; n++) {
      writes.push(async () => {
        const migration = objects.migrationOf(fleet, migrationName(n))
        await client.create<KubeObject>(SHARD_MIGRATIONS as ResourceType, migration)
        const body = { metadata: {}, status: objects.completedStatus() }
        await client.mergePatch(SHARD_MIGRATIONS as ResourceType, migration.metadata, body, { subresource: 'status' })
      })
    }
  }
  await inParallel(writes)
}

async function inParallel(writes: readonly (() => Promise<unknown>)[]): Promise<void> {
  const left = [...writes]
  const work = async () => {
    for (let next = left.pop(); next; next = left.pop()) await next()
  }
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, work))
}
