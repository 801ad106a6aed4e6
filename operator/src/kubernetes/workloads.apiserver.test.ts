/** What the operator writes to a StatefulSet, on a real API server: what comes late never replaces what was decided since. */
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { annotationOf } from '../api/group.ts'
import { HOLD } from '../controllers/fleetrollout/observed.ts'
import type { FleetWorkload } from '../controllers/fleetrollout/port.ts'
import { MANAGED_ANNOTATION, STATUS_ANNOTATION } from '../controllers/fleetrollout/settings.ts'
import { type FleetRolloutStatus, freshStatus, parseRolloutStatus } from '../controllers/fleetrollout/status.ts'
import { loadConnection } from '../runtime/client/connection.ts'
import { KubeClient } from '../runtime/client/kube-client.ts'
import { systemClock } from '../runtime/clock.ts'
import { EventRecorder } from '../runtime/events/event-recorder.ts'
import { Outdated } from '../runtime/reconcile.ts'
import { type ProxiedClient, proxiedClient } from '../runtime/testing/proxied.ts'
import { until } from '../runtime/testing/until.ts'
import { PODS, STATEFUL_SETS, type StatefulSet } from './resources.ts'
import { KubernetesWorkloads } from './workloads.ts'

const NAMESPACE = 'default'
const ROLLING: FleetRolloutStatus = { ...freshStatus(0), phase: 'Progressing', target: 1 }
const TAKEN_BACK: FleetRolloutStatus = { ...freshStatus(0), phase: 'RolledBack', failedRevision: 'bad' }

let plane: ControlPlane
let direct: KubeClient
let name: string
let names = 0

beforeAll(async () => {
  plane = await startControlPlane()
  const connection = await loadConnection({ env: {}, kubeconfig: plane.kubeconfig })
  direct = new KubeClient({ connection, userAgent: 'direct', fieldManager: 'user' })
})
afterAll(async () => {
  direct?.close()
  await plane?.stop()
})
beforeEach(async () => {
  name = `fleet-${++names}`
  const labels = { app: name }
  await direct.create(STATEFUL_SETS, {
    metadata: { name, namespace: NAMESPACE, annotations: { [MANAGED_ANNOTATION]: 'true' } },
    spec: {
      ...{ replicas: 2, serviceName: name, selector: { matchLabels: labels } },
      ...{ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: HOLD } } },
      template: { metadata: { labels }, spec: { containers: [{ name: 'verifier', image: 'verifier:good' }] } },
    },
  } as StatefulSet)
})

const ref = () => ({ namespace: NAMESPACE, name })
const stored = async () => {
  const set = await direct.get(STATEFUL_SETS, ref())
  return {
    phase: parseRolloutStatus(set?.metadata.annotations?.[STATUS_ANNOTATION])?.phase,
    partition: set?.spec.updateStrategy?.rollingUpdate?.partition,
  }
}

/** An operator of its own, with a warm cache. */
async function operator(through: ProxiedClient) {
  const statefulSets = through.cacheOf({ type: STATEFUL_SETS })
  const pods = through.cacheOf({ type: PODS })
  for (const cache of [statefulSets, pods]) cache.start()
  await Promise.all([statefulSets.synced(), pods.synced()])
  const common = { client: through.client, clock: systemClock, random: Math.random, onError: () => {} }
  const events = new EventRecorder({ ...common, controller: 'fractal.lba.io/operator', instance: 'test' })
  const workloads = new KubernetesWorkloads({ client: through.client, statefulSets, pods, events, namespace: NAMESPACE })
  return { workloads, seen: (await workloads.observe(name)) as FleetWorkload }
}

/** The next write of this operator arrives when it is told to. */
function late(through: ProxiedClient): () => Promise<readonly number[]> {
  const arrival = Promise.withResolvers<void>()
  through.proxy.add({ when: ({ method }) => method === 'PATCH', times: 1, fault: { kind: 'late', until: arrival.promise } })
  return async () => {
    arrival.resolve()
    await until('it has arrived', () => through.proxy.lateAnswers.length === 1)
    return through.proxy.lateAnswers
  }
}

describe('of a rollout, what comes late', () => {
  it('is no status in the place of that of the next leader', async () => {
    await using before = await proxiedClient(plane)
    await using after = await proxiedClient(plane)
    const [old, next] = [await operator(before), await operator(after)]
    const arrive = late(before)
    await expect(old.workloads.writeStatus(old.seen, ROLLING)).rejects.toThrow('PATCH')
    await next.workloads.writeStatus(next.seen, TAKEN_BACK)
    expect(await arrive()).toEqual([409])
    expect(await stored()).toEqual({ phase: 'RolledBack', partition: HOLD })
    await expect(old.workloads.writeStatus(old.seen, ROLLING)).rejects.toBeInstanceOf(Outdated)
  })

  it('is no step of a rollout that was taken back', async () => {
    await using before = await proxiedClient(plane)
    await using after = await proxiedClient(plane)
    const old = await operator(before)
    const rolling = await old.workloads.writeStatus(old.seen, ROLLING)
    const next = await operator(after)
    const arrive = late(before)
    await expect(old.workloads.setPartition(rolling, 1)).rejects.toThrow('PATCH')
    await next.workloads.writeStatus(next.seen, TAKEN_BACK)
    expect(await arrive()).toEqual([409])
    await until('it is seen', async () =>
      old.workloads.setPartition(rolling, 1).then(
        () => false,
        (error) => error instanceof Outdated,
      ),
    )
    expect(await stored()).toEqual({ phase: 'RolledBack', partition: HOLD })
  })
})

describe('of a rollout, a step', () => {
  it('follows its status and the taking of a verb at once, though both have changed the StatefulSet', async () => {
    const verb = annotationOf('retry')
    await direct.mergePatch(STATEFUL_SETS, ref(), { metadata: { annotations: { [verb]: 'now' } } })
    await using through = await proxiedClient(plane)
    const { workloads, seen } = await operator(through)
    const rolling = await workloads.writeStatus(seen, ROLLING)
    await workloads.consume(rolling, 'retry', 'now')
    await workloads.setPartition(rolling, 1)
    expect(await stored()).toEqual({ phase: 'Progressing', partition: 1 })
    expect(through.codes).not.toContain('409')
  })
})
