/** Reads the fleet and measures its gates: the one effect of gates, in one place. Keeps the reports of one rollout's window. */
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { Fleet } from '../fleet/port.ts'
import { type Gate, type GateReading, measureGates, type PodMeasure } from './gates.ts'
import { ReportWindow } from './window.ts'

export interface FleetMeasurement {
  readonly readings: readonly GateReading[]
  /** Of pods that answered. */
  readonly reports: readonly PodReport[]
  /** The fleet's p95 over the window, when it was measured. */
  readonly p95Ms: number | undefined
}

export interface MeasureOptions {
  readonly gates: readonly Gate[]
  readonly windowMs: number
  /** Traffic from before this time is not looked at. */
  readonly notBeforeMs: number
  readonly timeoutMs: number
}

export class FleetMonitor {
  readonly #fleet: Fleet
  readonly #now: () => number
  #window: ReportWindow | undefined
  #windowMs = 0

  constructor(fleet: Fleet, now: () => number) {
    this.#fleet = fleet
    this.#now = now
  }

  async measure(options: MeasureOptions): Promise<FleetMeasurement> {
    const { gates, windowMs, notBeforeMs, timeoutMs } = options
    if (!this.#window || this.#windowMs !== windowMs) this.#window = new ReportWindow(windowMs)
    this.#windowMs = windowMs
    let pods: PodMeasure[]
    let nowMs = this.#now()
    try {
      const readings = await this.#fleet.read(timeoutMs)
      nowMs = this.#now()
      this.#window.add(readings, nowMs)
      pods = this.#window.measure(nowMs - windowMs, notBeforeMs)
    } catch (error) {
      // Not knowing the fleet is an answer too, and not a good one.
      pods = [{ kind: 'unseen', pod: 'the fleet', why: (error as Error).message }]
    }
    const measured = measureGates(gates, pods, windowMs / 1000, nowMs)
    const latency = measured.find((reading) => reading.metric === 'maxLatencyP95')
    return { readings: measured, reports: this.#window.latest(), p95Ms: latency?.value }
  }
}
