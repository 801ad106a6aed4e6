/** Reads the fleet and measures its gates: the one effect of gates, in one place. Keeps the reports of one rollout's window. */
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { Fleet } from '../fleet/port.ts'
import {
  type CanaryLimit,
  compareCanary,
  type Gate,
  type GateReading,
  measureGate,
  measureGates,
  type PodMeasure,
  sawNoRequests,
} from './gates.ts'
import { ReportWindow } from './window.ts'

export interface FleetMeasurement {
  readonly readings: readonly GateReading[]
  /** Of pods that answered. */
  readonly reports: readonly PodReport[]
  /** The fleet's p95 over the window, when it was measured. */
  readonly p95Ms: number | undefined
  /** All pods were seen, and none got a request in the window. */
  readonly quiet: boolean
}

export interface MeasureOptions {
  readonly gates: readonly Gate[]
  readonly windowMs: number
  /** Traffic from before this time is not looked at. */
  readonly notBeforeMs: number
  readonly timeoutMs: number
  /**
   * Pods of the step, measured by themselves as well, so that their share of the fleet's traffic is not too small to matter: compared with
   * the rest where a limit says how, else held to the gate. Not where all pods are of one kind.
   */
  readonly canary?: {
    readonly pods: ReadonlySet<string>
    readonly limits: Readonly<Partial<Record<Gate['metric'], CanaryLimit>>>
  }
  /** Pods that nothing is concluded from: they were ill before anything began. */
  readonly ignored?: ReadonlySet<string>
}

export class FleetMonitor {
  readonly #fleet: Pick<Fleet, 'read'>
  readonly #now: () => number
  #window: ReportWindow | undefined
  #windowMs = 0

  constructor(fleet: Pick<Fleet, 'read'>, now: () => number) {
    this.#fleet = fleet
    this.#now = now
  }

  async measure(options: MeasureOptions): Promise<FleetMeasurement> {
    const { gates, windowMs, notBeforeMs, timeoutMs, ignored } = options
    if (!this.#window || this.#windowMs !== windowMs) this.#window = new ReportWindow(windowMs)
    this.#windowMs = windowMs
    let pods: PodMeasure[]
    let nowMs = this.#now()
    try {
      const readings = await this.#fleet.read(timeoutMs)
      nowMs = this.#now()
      this.#window.add(readings, nowMs)
      pods = this.#window.measure(nowMs - windowMs, notBeforeMs).filter((pod) => !ignored?.has(nameOf(pod)))
    } catch (error) {
      // Not knowing the fleet is an answer too, and not a good one.
      pods = [{ kind: 'unseen', pod: 'the fleet', why: (error as Error).message }]
    }
    const measured = measureGates(gates, pods, windowMs / 1000, nowMs)
    const latency = measured.find((reading) => reading.metric === 'maxLatencyP95')
    return {
      readings: [...measured, ...ofCanary(options, pods, nowMs)],
      reports: this.#window.latest(),
      p95Ms: latency?.value,
      quiet: sawNoRequests(pods),
    }
  }
}

function ofCanary({ gates, canary, windowMs }: MeasureOptions, pods: readonly PodMeasure[], nowMs: number): GateReading[] {
  if (!canary) return []
  const ofStep = pods.filter((pod) => canary.pods.has(nameOf(pod)))
  const rest = pods.filter((pod) => !canary.pods.has(nameOf(pod)))
  if (ofStep.length === 0 || rest.length === 0) return []
  return gates.map((gate) => {
    const limit = canary.limits[gate.metric]
    return limit
      ? compareCanary(gate, ofStep, rest, limit, windowMs / 1000, nowMs)
      : { ...measureGate(gate, ofStep, windowMs / 1000, nowMs), subject: 'canary' as const }
  })
}

const nameOf = (pod: PodMeasure): string => (pod.kind === 'measured' ? pod.delta.pod : pod.pod)
