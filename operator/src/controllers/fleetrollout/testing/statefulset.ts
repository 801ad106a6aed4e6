/**
 * A StatefulSet with its controller, kubelet, pods and their traffic, on a clock that the test moves: what the rollout sees of a cluster,
 * in milliseconds. It follows the rules that `port.ts` states; that a real StatefulSet controller does is shown by
 * `fleetrollout.apiserver.test.ts`.
 */
import type { Verb } from '../../../api/group.ts'
import { annotationOf } from '../../../api/group.ts'
import type { Fleet, PodReading } from '../../../fleet/port.ts'
import { WELL as SERVING_WELL, SimulatedTraffic, type Traffic } from '../../../rollout/testing/simulated-traffic.ts'
import { FleetRolloutController } from '../controller.ts'
import type { FleetWorkload, FleetWorkloads, WorkloadPod } from '../port.ts'
import { MANAGED_ANNOTATION, STATUS_ANNOTATION } from '../settings.ts'
import { type FleetRolloutStatus, parseRolloutStatus, writeRolloutStatus } from '../status.ts'

/** What pods of one revision do. */
export interface Behaviour extends Traffic {
  /** Undefined: never. */
  readonly readyAfterMs?: number
  readonly reason?: string
  readonly restarts?: number
}

export const WELL: Behaviour = { ...SERVING_WELL, readyAfterMs: 1000 }
const TERMINATION_MS = 1000
const TICK_MS = 500

interface SimulatedPod {
  readonly name: string
  readonly uid: string
  readonly ordinal: number
  readonly revision: string
  readonly createdAtMs: number
  terminatingSinceMs: number | undefined
  readonly traffic: SimulatedTraffic
}

class ApiDown extends Error {}

export class SimulatedStatefulSet implements FleetWorkloads, Pick<Fleet, 'read'> {
  nowMs = 1_000_000
  replicas: number
  partition = 0
  currentRevision = 'rev-a'
  updateRevision = 'rev-a'
  annotations: Record<string, string>
  readonly behaviours = new Map<string, Behaviour>()
  readonly events: string[] = []
  pods: SimulatedPod[] = []
  /** So many of the next calls of the API fail, each before it does anything. */
  failing = 0
  #generation = 1
  #observedGeneration = 0
  #uids = 0
  #controller: FleetRolloutController

  constructor(replicas: number, annotations: Record<string, string> = {}) {
    this.replicas = replicas
    this.annotations = {
      [MANAGED_ANNOTATION]: 'true',
      'fractal.lba.io/rollout-step-seconds': '4',
      'fractal.lba.io/rollout-window-seconds': '4',
      'fractal.lba.io/rollout-interval-seconds': '1',
      'fractal.lba.io/rollout-ready-seconds': '40',
      'fractal.lba.io/rollout-progress-deadline-seconds': '20',
      ...annotations,
    }
    this.#controller = this.#newController()
  }

  #newController(): FleetRolloutController {
    return new FleetRolloutController({ workloads: this, fleetOf: () => this, now: () => this.nowMs, log: () => {} })
  }

  /** A successor, which has nothing but what the cluster holds. */
  restartOperator(): void {
    this.#controller = this.#newController()
  }

  get status(): FleetRolloutStatus | undefined {
    return parseRolloutStatus(this.annotations[STATUS_ANNOTATION])
  }

  podsOf(revision: string): number {
    return this.pods.filter((pod) => pod.revision === revision && pod.terminatingSinceMs === undefined).length
  }

  changeTemplate(revision: string, behaviour: Behaviour = WELL): void {
    this.updateRevision = revision
    this.behaviours.set(revision, behaviour)
    this.#generation++
  }

  scale(replicas: number): void {
    this.replicas = replicas
    this.#generation++
  }

  give(verb: Verb, value = 'true'): void {
    this.annotations[annotationOf(verb)] = value
  }

  /** Lets time pass, with a look of the operator each half second, until `done` holds. @throws Error with the status when it does not in time. */
  async run(seconds: number, done: () => boolean = () => false): Promise<boolean> {
    for (let passed = 0; passed < seconds * 1000; passed += TICK_MS) {
      this.nowMs += TICK_MS
      this.#tick()
      // As a queue does: what failed is tried again.
      await this.#controller.reconcile('fleet', new AbortController().signal).catch((error: Error) => {
        if (!(error instanceof ApiDown)) throw error
      })
      if (done()) return true
    }
    return false
  }

  async until(what: string, done: () => boolean, seconds = 300): Promise<void> {
    if (!(await this.run(seconds, done)))
      throw new Error(
        `not within ${seconds} s: ${what}; ${this.status?.phase}: ${this.status?.message}\n${this.events.join('\n')}`,
      )
  }

  #tick(): void {
    this.#observedGeneration = this.#generation
    for (const pod of this.pods) if (pod.ordinal >= this.replicas) pod.terminatingSinceMs ??= this.nowMs
    this.pods = this.pods.filter(
      (pod) => pod.terminatingSinceMs === undefined || this.nowMs - pod.terminatingSinceMs < TERMINATION_MS,
    )
    for (let ordinal = 0; ordinal < this.replicas; ordinal++) {
      if (!this.pods.some((pod) => pod.ordinal === ordinal)) this.#make(ordinal)
    }
    this.#update()
    const on = this.pods.filter((pod) => pod.revision === this.updateRevision && this.#isReady(pod))
    if (on.length === this.replicas && this.pods.length === this.replicas) this.currentRevision = this.updateRevision
    for (const pod of this.pods) if (this.#isReady(pod)) pod.traffic.serve(this.#behaviour(pod), TICK_MS)
  }

  #make(ordinal: number): void {
    const revision = ordinal >= this.partition ? this.updateRevision : this.currentRevision
    this.pods.push({
      name: `fleet-${ordinal}`,
      uid: `uid-${++this.#uids}`,
      ordinal,
      revision,
      createdAtMs: this.nowMs,
      terminatingSinceMs: undefined,
      traffic: new SimulatedTraffic(`fleet-${ordinal}`, this.nowMs),
    })
  }

  #update(): void {
    for (let ordinal = this.replicas - 1; ordinal >= this.partition; ordinal--) {
      const pod = this.pods.find((each) => each.ordinal === ordinal)
      if (!pod) return
      if (pod.revision !== this.updateRevision) {
        pod.terminatingSinceMs ??= this.nowMs
        return
      }
      if (!this.#isReady(pod)) return
    }
  }

  #behaviour(pod: SimulatedPod): Behaviour {
    return this.behaviours.get(pod.revision) ?? WELL
  }

  #isReady(pod: SimulatedPod): boolean {
    const { readyAfterMs } = this.#behaviour(pod)
    return pod.terminatingSinceMs === undefined && readyAfterMs !== undefined && this.nowMs - pod.createdAtMs >= readyAfterMs
  }

  async read(): Promise<readonly PodReading[]> {
    return this.pods.map((pod) => {
      const starting = this.nowMs - pod.createdAtMs < 500 || pod.terminatingSinceMs !== undefined
      return pod.traffic.reading({ ...this.#behaviour(pod), ...(starting && { report: 'unreachable' }) }, this.nowMs)
    })
  }

  #called(): void {
    if (this.failing-- > 0) throw new ApiDown('the API does not answer')
    this.failing = 0
  }

  async names(): Promise<readonly string[]> {
    return ['fleet']
  }

  async observe(): Promise<FleetWorkload> {
    this.#called()
    return {
      name: 'fleet',
      uid: 'uid-of-the-set',
      version: '1',
      generation: this.#generation,
      observedGeneration: this.#observedGeneration,
      annotations: { ...this.annotations },
      replicas: this.replicas,
      partition: this.partition,
      currentRevision: this.currentRevision,
      updateRevision: this.updateRevision,
      pods: this.pods.map((pod) => this.#observed(pod)),
    }
  }

  #observed(pod: SimulatedPod): WorkloadPod {
    const { reason, restarts = 0 } = this.#behaviour(pod)
    const ready = this.#isReady(pod)
    return {
      name: pod.name,
      uid: pod.uid,
      ordinal: pod.ordinal,
      revision: pod.revision,
      ready,
      terminating: pod.terminatingSinceMs !== undefined,
      phase: ready ? 'Running' : 'Pending',
      reason,
      message: reason && `${reason} of ${pod.name}`,
      restarts,
    }
  }

  async setPartition(_workload: FleetWorkload, partition: number): Promise<void> {
    this.#called()
    this.partition = partition
    this.#generation++
  }

  async deletePod(_workload: FleetWorkload, { uid }: WorkloadPod): Promise<void> {
    this.#called()
    for (const pod of this.pods) if (pod.uid === uid) pod.terminatingSinceMs ??= this.nowMs
  }

  async writeStatus(workload: FleetWorkload, status: FleetRolloutStatus | undefined): Promise<FleetWorkload> {
    this.#called()
    if (status) this.annotations[STATUS_ANNOTATION] = writeRolloutStatus(status)
    else delete this.annotations[STATUS_ANNOTATION]
    return { ...workload, annotations: { ...this.annotations } }
  }

  async event(_workload: FleetWorkload, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    this.events.push(`${type} ${reason}: ${message}`)
  }

  async consume(_workload: FleetWorkload, verb: Verb, value: string): Promise<void> {
    this.#called()
    if (this.annotations[annotationOf(verb)] === value) delete this.annotations[annotationOf(verb)]
  }
}
