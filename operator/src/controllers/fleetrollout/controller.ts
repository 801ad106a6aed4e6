/**
 * Reconciles the StatefulSets whose updates this operator steps: observe, decide, act. One of these a process; it keeps measurements,
 * nothing that matters.
 */
import type { Fleet } from '../../fleet/port.ts'
import { FleetMonitor } from '../../rollout/monitor.ts'
import type { Measurement } from '../../rollout/watch.ts'
import type { ReconcileResult } from '../../runtime/reconcile.ts'
import { act } from './act.ts'
import { decide } from './decide.ts'
import type { FleetWorkload, FleetWorkloads } from './port.ts'
import { readSettings, STATUS_ANNOTATION } from './settings.ts'
import { type FleetRolloutStatus, parseRolloutStatus } from './status.ts'

export interface FleetRolloutParts {
  readonly workloads: FleetWorkloads
  /** The pods of this StatefulSet, over their admin ports. */
  readonly fleetOf: (workload: FleetWorkload) => Pick<Fleet, 'read'>
  readonly now: () => number
  readonly log: (message: string) => void
}

interface Held {
  /** Of this very StatefulSet. */
  readonly uid: string
  readonly monitor: FleetMonitor
  measuredAtMs: number
}

const MAX_READ_TIMEOUT_MS = 2000

export class FleetRolloutController {
  readonly #parts: FleetRolloutParts
  readonly #held = new Map<string, Held>()

  constructor(parts: FleetRolloutParts) {
    this.#parts = parts
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { workloads, now, log } = this.#parts
    const workload = await workloads.observe(name)
    if (!workload) {
      this.#held.delete(name)
      return { kind: 'done' }
    }
    const status = parseRolloutStatus(workload.annotations[STATUS_ANNOTATION])
    const measurement = await this.#measure(workload, status)
    if (signal.aborted) return { kind: 'done' }
    const decided = decide({ workload, status, measurement, nowMs: now() })
    for (const action of decided.actions) {
      if (action.kind === 'delete-pod') log(`${name}: deletes pod ${action.pod.name}: ${action.why}`)
      if (action.kind === 'set-partition') log(`${name}: sets its partition to ${action.partition}`)
    }
    await act(workloads, workload, status, decided, signal)
    return decided.requeueAfterMs === undefined ? { kind: 'done' } : { kind: 'requeue', afterMs: decided.requeueAfterMs }
  }

  async #measure(workload: FleetWorkload, status: FleetRolloutStatus | undefined): Promise<Measurement | undefined> {
    const { fleetOf, now } = this.#parts
    const read = readSettings(workload.annotations)
    const moving = status?.phase === 'Progressing' || status?.phase === 'Frozen'
    if (!moving || !read.ok || status.target === 0) {
      this.#held.delete(workload.name)
      return undefined
    }
    const { watch } = read.settings
    let held = this.#held.get(workload.name)
    if (held?.uid !== workload.uid) {
      held = { uid: workload.uid, monitor: new FleetMonitor(fleetOf(workload), now), measuredAtMs: 0 }
      this.#held.set(workload.name, held)
    }
    const nowMs = now()
    if (nowMs - held.measuredAtMs < watch.intervalMs) return undefined
    held.measuredAtMs = nowMs
    const canary = workload.pods.filter((pod) => pod.revision === workload.updateRevision).map((pod) => pod.name)
    return await held.monitor.measure({
      gates: watch.gates,
      windowMs: watch.windowMs,
      notBeforeMs: status.watch.fromMs,
      timeoutMs: Math.min(MAX_READ_TIMEOUT_MS, watch.intervalMs),
      canary: { pods: new Set(canary), limits: watch.canary },
      ignored: new Set(status.illBefore.filter((name) => !canary.includes(name))),
    })
  }
}
