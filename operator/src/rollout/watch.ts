/**
 * Watching one step of a rollout: what it is judged by, and what has been seen since it was applied. The watch is plain data, kept in
 * status, so that whoever takes over goes on with the same failures counted. Pure.
 */
import type { CanaryLimit, Gate, GateMetric, GateReading } from './gates.ts'
import { type GateTrack, type Judgement, type JudgePolicy, judge } from './verdict.ts'

export interface WatchSettings extends JudgePolicy {
  readonly gates: readonly Gate[]
  /** How much worse than the rest of the fleet the step may be; by a gate that is not named its pods are measured, not compared. */
  readonly canary: Readonly<Partial<Record<GateMetric, CanaryLimit>>>
  /** Traffic that one measurement looks at. */
  readonly windowMs: number
  readonly intervalMs: number
  /** Each step is watched at least this long. */
  readonly stepMs: number
}

export interface Watch {
  /** When the step was applied: traffic from before is not looked at. */
  readonly fromMs: number
  readonly readings: readonly GateReading[]
  readonly tracks: readonly GateTrack[]
  readonly judgement: Judgement
}

export interface Measurement {
  readonly readings: readonly GateReading[]
  /** All pods were seen, and none got a request. */
  readonly quiet: boolean
}

const NOT_MEASURED: Judgement = { kind: 'hold', why: 'not-measured', reading: undefined }

export function startWatch(nowMs: number): Watch {
  return { fromMs: nowMs, readings: [], tracks: [], judgement: NOT_MEASURED }
}

/**
 * A fleet that nobody uses can never give its gates a sample, and must still be able to change: once a whole window has passed with all
 * pods seen and not one request, gates without data are waived, and the judgement says so.
 */
export function takeMeasurement(settings: WatchSettings, watch: Watch, measurement: Measurement, nowMs: number): Watch {
  const watchedMs = nowMs - watch.fromMs
  const waive = measurement.quiet && watchedMs >= settings.windowMs
  const policy = { ...settings, onNoData: waive ? 'Pass' : settings.onNoData } as const
  const settling = watchedMs < settings.windowMs
  const { tracks, judgement } = judge(policy, watch.tracks, measurement.readings, nowMs, settling)
  return { ...watch, readings: measurement.readings, tracks, judgement }
}
