/**
 * The rollout against the StatefulSet controller of Kubernetes itself: that what `port.ts` says of it is so. Pods run nowhere; the test
 * plays their kubelet, and their traffic.
 */
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PODS, type Pod, STATEFUL_SETS, type StatefulSet } from '../../kubernetes/resources.ts'
import { KubernetesWorkloads } from '../../kubernetes/workloads.ts'
import { SimulatedTraffic, type Traffic, WELL } from '../../rollout/testing/simulated-traffic.ts'
import { Cache } from '../../runtime/cache/cache.ts'
import { loadConnection } from '../../runtime/client/connection.ts'
import { KubeClient } from '../../runtime/client/kube-client.ts'
import type { KubeObject, ResourceType } from '../../runtime/client/objects.ts'
import { systemClock } from '../../runtime/clock.ts'
import { EventRecorder } from '../../runtime/events/event-recorder.ts'
import { Outdated } from '../../runtime/reconcile.ts'
import { until } from '../../runtime/testing/until.ts'
import { FleetRolloutController } from './controller.ts'
import { HOLD } from './observed.ts'
import { STATUS_ANNOTATION } from './settings.ts'
import { parseRolloutStatus } from './status.ts'

const NAMESPACES: ResourceType = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
const LOOK_EVERY_MS = 100
const LIMIT_MS = 60_000

let plane: ControlPlane
let client: KubeClient
let statefulSets: Cache<StatefulSet>
let pods: Cache<Pod>
let events: EventRecorder

beforeAll(async () => {
  plane = await startControlPlane({ controllerManager: true })
  const connection = await loadConnection({ env: {}, kubeconfig: plane.kubeconfig })
  client = new KubeClient({ connection, userAgent: 'test', fieldManager: 'fractal-lba-operator' })
  const onError = (doing: string, error: unknown) => console.error(doing, error)
  const common = { client, clock: systemClock, random: Math.random, onError }
  statefulSets = new Cache({ ...common, type: STATEFUL_SETS })
  pods = new Cache({ ...common, type: PODS })
  events = new EventRecorder({ ...common, controller: 'fractal.lba.io/operator', instance: 'test' })
  for (const cache of [statefulSets, pods]) cache.start()
  await Promise.all([statefulSets.synced(), pods.synced()])
})
afterAll(async () => {
  await Promise.all([statefulSets?.stop(), pods?.stop()])
  client?.close()
  await plane?.stop()
})

interface Image extends Traffic {
  readonly waiting?: string
}

/** As the work queue does. */
const lookAgain = (error: unknown) => {
  if (!(error instanceof Outdated)) throw error
}

/** By the tag of the image. */
const IMAGES: Readonly<Record<string, Image>> = {
  good: WELL,
  better: WELL,
  crashing: { ...WELL, waiting: 'CrashLoopBackOff' },
}
/** What an image does from now on. */
const turned = new Map<string, Traffic>()
const tagOf = (pod: Pod): string => (pod.spec?.containers?.[0] as { image?: string } | undefined)?.image?.split(':')[1] ?? ''

/** One namespace with one fleet, its pods' kubelet and the operator, all until it is disposed of. */
class Scene implements AsyncDisposable {
  readonly namespace: string
  readonly #traffic = new Map<string, SimulatedTraffic>()
  /** By revision. */
  readonly #tags = new Map<string, string>()
  readonly #loops: Promise<void>[]
  #ended = false

  private constructor(namespace: string) {
    this.namespace = namespace
    const workloads = new KubernetesWorkloads({ client, statefulSets, pods, events, namespace })
    const fleetOf = () => ({ read: async () => this.pods().map((pod) => this.#reading(pod)) })
    const controller = new FleetRolloutController({ workloads, fleetOf, now: Date.now, log: () => {} })
    const { signal } = new AbortController()
    this.#loops = [
      this.#loop(async () => {
        await controller.reconcile('fleet', signal).catch(lookAgain)
      }),
      this.#loop(() => this.#playKubelet()),
    ]
  }

  static async open(namespace: string, replicas: number): Promise<Scene> {
    await client.create(NAMESPACES, { metadata: { name: namespace } } as KubeObject)
    const annotations = {
      'fractal.lba.io/managed-rollout': 'true',
      'fractal.lba.io/rollout-step-seconds': '2',
      'fractal.lba.io/rollout-window-seconds': '2',
      'fractal.lba.io/rollout-interval-seconds': '1',
    }
    const labels = { app: 'fleet' }
    const spec = {
      ...{ replicas, serviceName: 'fleet', podManagementPolicy: 'Parallel', selector: { matchLabels: labels } },
      template: { metadata: { labels }, spec: { containers: [{ name: 'verifier', image: 'verifier:good' }] } },
    }
    await client.create(STATEFUL_SETS, { metadata: { name: 'fleet', namespace, annotations }, spec } as unknown as StatefulSet)
    const scene = new Scene(namespace)
    await scene.until('the fleet is held', () => scene.partition === HOLD && scene.on('good') === replicas)
    return scene
  }

  async #loop(step: () => Promise<void>): Promise<void> {
    while (!this.#ended) {
      await step()
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }

  async #playKubelet(): Promise<void> {
    for (const pod of (await client.list(PODS, { namespace: this.namespace })).items) {
      const behaviour: Image = { ...(IMAGES[tagOf(pod)] ?? WELL), ...turned.get(tagOf(pod)) }
      const { uid = '', name } = pod.metadata
      if (pod.status?.phase === 'Running') {
        this.#traffic.get(uid)?.serve(behaviour, LOOK_EVERY_MS)
        continue
      }
      if (pod.metadata.deletionTimestamp) continue
      this.#traffic.set(uid, new SimulatedTraffic(name, Date.now()))
      const { waiting } = behaviour
      const status = {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: waiting ? 'False' : 'True' }],
        containerStatuses: [
          {
            ...{ name: 'verifier', image: 'x', imageID: 'x', ready: !waiting, restartCount: waiting ? 2 : 0 },
            state: waiting ? { waiting: { reason: waiting } } : { running: {} },
          },
        ],
      }
      await client
        .mergePatch(PODS, { namespace: this.namespace, name }, { metadata: { uid }, status }, { subresource: 'status' })
        .catch(() => {
          // Deleted or replaced meanwhile: the next look sees what is there.
        })
    }
  }

  #reading(pod: Pod) {
    const { uid = '', name } = pod.metadata
    const traffic = this.#traffic.get(uid) ?? new SimulatedTraffic(name, Date.now())
    return traffic.reading(this.#traffic.has(uid) ? WELL : { ...WELL, report: 'unreachable' }, Date.now())
  }

  pods(): readonly Pod[] {
    return pods.list({ namespace: this.namespace })
  }

  /** Pods that run the image and are ready. */
  on(tag: string): number {
    const ready = (pod: Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    return this.#byTag(tag).filter(ready).length
  }

  #byTag(tag: string): Pod[] {
    const revisions = new Set([...this.#tags].filter(([, of]) => of === tag).map(([revision]) => revision))
    return this.pods().filter((pod) => revisions.has(pod.metadata.labels?.['controller-revision-hash'] ?? ''))
  }

  /** The caches hold no images; what each revision's is, is learnt from the API. */
  async #learnTags(): Promise<void> {
    for (const pod of (await client.list(PODS, { namespace: this.namespace })).items)
      this.#tags.set(pod.metadata.labels?.['controller-revision-hash'] ?? '', tagOf(pod))
  }

  get set(): StatefulSet {
    return statefulSets.get({ namespace: this.namespace, name: 'fleet' }) as StatefulSet
  }

  get partition(): number {
    return this.set.spec.updateStrategy?.rollingUpdate?.partition ?? 0
  }

  get status() {
    return parseRolloutStatus(this.set.metadata.annotations?.[STATUS_ANNOTATION])
  }

  async setImage(tag: string): Promise<void> {
    const patch = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: `verifier:${tag}` }] as const
    await client.jsonPatch(STATEFUL_SETS, { namespace: this.namespace, name: 'fleet' }, patch)
  }

  async until(what: string, done: () => boolean): Promise<void> {
    const all = async () => {
      await this.#learnTags()
      return done()
    }
    await until(`${what} (${this.namespace})`, all, LIMIT_MS).catch((error: Error) => {
      throw new Error(
        `${error.message}; partition ${this.partition}, ${JSON.stringify(this.set.status)}, ${this.status?.message}`,
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await Promise.all(this.#loops)
    await client.delete(NAMESPACES, { name: this.namespace })
  }
}

describe('on the StatefulSet controller of Kubernetes, an upgrade', () => {
  it('that is well goes pod by pod, and the StatefulSet is held again when it has taken the revision for its own', async () => {
    await using scene = await Scene.open('well', 3)
    const before = scene.set.status?.currentRevision
    await scene.setImage('better')
    for (const step of [1, 2]) {
      await scene.until(`step ${step}`, () => scene.on('better') === step && scene.status?.watchedTarget === step)
      expect(scene.on('good')).toBe(3 - step)
      expect(scene.set.status?.currentRevision).toBe(before)
    }
    await scene.until('complete', () => scene.status?.phase === 'Completed' && scene.partition === HOLD)
    expect(scene.on('better')).toBe(3)
    expect(scene.set.status?.currentRevision).toBe(scene.set.status?.updateRevision)
    expect(scene.set.status?.currentRevision).not.toBe(before)
  })

  it('that crashes is taken back: the pod is made again from the former revision, though the template stays', async () => {
    await using scene = await Scene.open('crashing', 3)
    const untouched = scene
      .pods()
      .filter((pod) => pod.metadata.name !== 'fleet-2')
      .map((pod) => pod.metadata.uid)
      .sort()
    await scene.setImage('crashing')
    await scene.until('taken back', () => scene.status?.phase === 'RolledBack' && scene.on('good') === 3)
    expect(scene.status).toMatchObject({ halt: { reason: 'PodCrashLoops', message: expect.stringContaining('fleet-2') } })
    expect(
      scene
        .pods()
        .filter((pod) => pod.metadata.name !== 'fleet-2')
        .map((pod) => pod.metadata.uid)
        .sort(),
    ).toEqual(untouched)
    expect(scene.set.status?.updateRevision).not.toBe(scene.set.status?.currentRevision)
    expect(scene.partition).toBe(HOLD)

    await scene.setImage('better')
    await scene.until('the next template is rolled out', () => scene.status?.phase === 'Completed' && scene.on('better') === 3)
  })

  it('that serves errors is taken back by its gate at the second pod, and both pods return', async () => {
    await using scene = await Scene.open('failing', 3)
    await scene.setImage('better')
    await scene.until('step 1', () => scene.status?.watchedTarget === 1)
    await scene.until('step 2', () => scene.status?.watchedTarget === 2)
    turned.set('better', { ...WELL, failedShare: 0.3 })
    try {
      await scene.until('taken back', () => scene.status?.phase === 'RolledBack' && scene.on('good') === 3)
    } finally {
      turned.clear()
    }
    expect(scene.status?.halt).toMatchObject({ reason: 'GateFailed', reading: { metric: 'maxErrorRate', verdict: 'Fail' } })
  })

  it('is put back when the template is the former one again', async () => {
    await using scene = await Scene.open('undone', 3)
    await scene.setImage('better')
    await scene.until('step 1', () => scene.on('better') === 1)
    await scene.setImage('good')
    await scene.until('put back', () => scene.on('good') === 3 && scene.status?.phase === 'Idle')
  })
})
