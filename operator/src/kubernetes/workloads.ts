/** The StatefulSets of one namespace whose updates the operator steps, in the API of a cluster. */
import type { Verb } from '../api/group.ts'
import type { FleetWorkload, FleetWorkloads, WorkloadPod } from '../controllers/fleetrollout/port.ts'
import type { RolloutReason } from '../controllers/fleetrollout/reasons.ts'
import { MANAGED_ANNOTATION, STATUS_ANNOTATION } from '../controllers/fleetrollout/settings.ts'
import { type FleetRolloutStatus, writeRolloutStatus } from '../controllers/fleetrollout/status.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import { isConflict } from '../runtime/client/api-error.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import { Outdated } from '../runtime/reconcile.ts'
import { consumeVerb } from './annotations.ts'
import { type ContainerStatus, PODS, type Pod, STATEFUL_SETS, type StatefulSet } from './resources.ts'

export interface WorkloadsParts {
  readonly client: KubeClient
  readonly statefulSets: Cache<StatefulSet>
  readonly pods: Cache<Pod>
  readonly events: EventRecorder
  readonly namespace: string
}

const REVISION_LABEL = 'controller-revision-hash'

/** Those that are managed, or were: a rollout that was under way must be let go in order. */
export const isManaged = ({ metadata }: StatefulSet): boolean =>
  metadata.annotations?.[MANAGED_ANNOTATION] !== undefined || metadata.annotations?.[STATUS_ANNOTATION] !== undefined

export class KubernetesWorkloads implements FleetWorkloads {
  readonly #parts: WorkloadsParts

  constructor(parts: WorkloadsParts) {
    this.#parts = parts
  }

  async names(): Promise<readonly string[]> {
    const { statefulSets, namespace } = this.#parts
    return statefulSets
      .list({ namespace })
      .filter(isManaged)
      .map(({ metadata }) => metadata.name)
  }

  async observe(name: string): Promise<FleetWorkload | undefined> {
    const { statefulSets, pods, namespace } = this.#parts
    const found = statefulSets.get({ namespace, name })
    if (!found || !isManaged(found) || found.metadata.deletionTimestamp) return undefined
    const { metadata, spec, status } = found
    const owned = pods.list({ namespace }).filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
    return {
      name,
      uid: metadata.uid ?? '',
      version: metadata.resourceVersion ?? '',
      generation: metadata.generation ?? 0,
      observedGeneration: status?.observedGeneration ?? 0,
      annotations: metadata.annotations ?? {},
      replicas: spec.replicas ?? 1,
      partition: spec.updateStrategy?.rollingUpdate?.partition ?? 0,
      currentRevision: status?.currentRevision ?? '',
      updateRevision: status?.updateRevision ?? '',
      pods: owned.map((pod) => podOf(pod, name)).sort((a, b) => a.ordinal - b.ordinal),
    }
  }

  async setPartition(workload: FleetWorkload, partition: number): Promise<void> {
    // Verbs that were taken away, or the StatefulSet's own controller, may have changed it since; what counts is that the status stands.
    const present = this.#parts.statefulSets.get(this.#ref(workload))
    if (present?.metadata.annotations?.[STATUS_ANNOTATION] !== workload.annotations[STATUS_ANNOTATION]) throw outdated(workload)
    await this.#patch(workload, present?.metadata.resourceVersion, {
      spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } } },
    })
  }

  async deletePod(_workload: FleetWorkload, pod: WorkloadPod): Promise<void> {
    await this.#parts.client.delete(PODS, { namespace: this.#parts.namespace, name: pod.name }, { uid: pod.uid })
  }

  async writeStatus(workload: FleetWorkload, status: FleetRolloutStatus | undefined): Promise<FleetWorkload> {
    const text = status === undefined ? undefined : writeRolloutStatus(status)
    if (workload.annotations[STATUS_ANNOTATION] === text) return workload
    const { metadata } = await this.#patch(workload, workload.version, {
      metadata: { annotations: { [STATUS_ANNOTATION]: text ?? null } },
    })
    return { ...workload, version: metadata.resourceVersion ?? '', annotations: metadata.annotations ?? {} }
  }

  async event(workload: FleetWorkload, type: 'Normal' | 'Warning', reason: RolloutReason, message: string): Promise<void> {
    const { namespace, events } = this.#parts
    const regarding = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: workload.name, uid: workload.uid }
    events.record({ regarding, type, reason, action: reason, note: message })
  }

  async consume(workload: FleetWorkload, verb: Verb, value: string): Promise<void> {
    await consumeVerb(this.#parts.client, STATEFUL_SETS, this.#ref(workload), verb, value)
  }

  /** At this version only: what comes late never replaces what was decided since. */
  async #patch(
    workload: FleetWorkload,
    resourceVersion: string | undefined,
    { metadata, spec }: { readonly metadata?: object; readonly spec?: object },
  ): Promise<StatefulSet> {
    const patch = { metadata: { ...metadata, uid: workload.uid, resourceVersion }, ...(spec && { spec }) }
    try {
      return await this.#parts.client.mergePatch(STATEFUL_SETS, this.#ref(workload), patch)
    } catch (error) {
      if (isConflict(error)) throw outdated(workload, error)
      throw error
    }
  }

  #ref({ name }: FleetWorkload) {
    return { namespace: this.#parts.namespace, name }
  }
}

const outdated = ({ name }: FleetWorkload, cause?: unknown) => new Outdated(`StatefulSet ${name} has changed`, { cause })

function podOf({ metadata, status }: Pod, workload: string): WorkloadPod {
  const containers = status?.containerStatuses ?? []
  const conditions = status?.conditions ?? []
  const ill = containers.map(illness).find((one) => one !== undefined)
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ordinal: Number(metadata.name.slice(workload.length + 1)),
    revision: metadata.labels?.[REVISION_LABEL] ?? '',
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: metadata.deletionTimestamp !== undefined,
    phase: status?.phase ?? 'Unknown',
    reason: ill?.reason ?? unscheduled?.reason,
    message: ill?.message ?? unscheduled?.message,
    restarts: containers.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
  }
}

function illness({ name, state, lastState }: ContainerStatus): { reason: string; message: string | undefined } | undefined {
  const { waiting, terminated } = state ?? {}
  const ended = terminated ?? lastState?.terminated
  const said = ended && `container ${name} ended with code ${ended.exitCode ?? 'unknown'} (${ended.reason ?? 'no reason'})`
  if (waiting?.reason && waiting.reason !== 'ContainerCreating' && waiting.reason !== 'PodInitializing')
    return { reason: waiting.reason, message: waiting.message ?? said }
  if (terminated) return { reason: terminated.reason ?? 'Terminated', message: said }
  return undefined
}
