/**
 * The StatefulSets whose updates this operator steps. An adapter backs it with the API of a cluster; the controller sees and changes them
 * through this alone.
 *
 * What the StatefulSet controller does, and the rollout relies on: a pod whose ordinal is at least the partition is made from, and
 * replaced by, the update revision, one pod after the other from the highest ordinal, each awaited; a pod below it is made from the
 * current revision, and is never replaced because of its revision alone. Once every pod is ready at the update revision, that becomes the
 * current one, whatever the partition.
 */
import type { Verb } from '../../api/group.ts'
import type { RolloutReason } from './reasons.ts'
import type { FleetRolloutStatus } from './status.ts'

export interface WorkloadPod {
  readonly name: string
  readonly uid: string
  readonly ordinal: number
  /** Label `controller-revision-hash`. */
  readonly revision: string
  readonly ready: boolean
  readonly terminating: boolean
  readonly phase: string
  /** Why it does not run: of a waiting or terminated container, else of the pod, such as ImagePullBackOff, CrashLoopBackOff, Unschedulable. */
  readonly reason: string | undefined
  /** What comes with the reason, for people. */
  readonly message: string | undefined
  /** Of its containers. */
  readonly restarts: number
}

export interface FleetWorkload {
  readonly name: string
  readonly uid: string
  /** Of the state that was seen: a status that was made from an older one is refused. */
  readonly version: string
  readonly generation: number
  /** Of the StatefulSet controller: what it says of revisions is about this generation. */
  readonly observedGeneration: number
  readonly annotations: Readonly<Record<string, string>>
  readonly replicas: number
  /** 0 where the field is not set. */
  readonly partition: number
  readonly currentRevision: string
  readonly updateRevision: string
  readonly pods: readonly WorkloadPod[]
}

export interface FleetWorkloads {
  /** StatefulSets that are managed, or were: those with the annotation of management or of a rollout's status. */
  names(): Promise<readonly string[]>
  observe(name: string): Promise<FleetWorkload | undefined>
  /** Changes `spec.updateStrategy.rollingUpdate.partition` alone. @throws Outdated when another status stands there than the workload's. */
  setPartition(workload: FleetWorkload, partition: number): Promise<void>
  /** Deletes this very pod, by its uid, and none that has its name by then. */
  deletePod(workload: FleetWorkload, pod: WorkloadPod): Promise<void>
  /**
   * Durable when it resolves; undefined takes the annotation away. @returns the workload with it. @throws Outdated when it is not as it was
   * seen any more; then nothing was written.
   */
  writeStatus(workload: FleetWorkload, status: FleetRolloutStatus | undefined): Promise<FleetWorkload>
  event(workload: FleetWorkload, type: 'Normal' | 'Warning', reason: RolloutReason, message: string): Promise<void>
  /** Takes the verb's annotation away, unless it was set to another value meanwhile. */
  consume(workload: FleetWorkload, verb: Verb, value: string): Promise<void>
}
