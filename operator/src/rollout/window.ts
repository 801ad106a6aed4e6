/**
 * Keeps each pod's last reports and gives what happened in a window: the difference of two reports of one start of the pod. Totals since
 * a pod's start are never used: they would drown a bad minute in a good day. Bounded by time and by number.
 */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { HistogramSnapshot, PodReport, RequestCounters } from '@fractal-lba/protocol/telemetry/pod-report'
import type { PodReading } from '../fleet/port.ts'
import type { PodMeasure } from './gates.ts'

/** Reports kept a pod; at the shortest interval this still covers a window of many measurements. */
const MAX_REPORTS = 600

interface Sample {
  readonly report: PodReport
  /** By the operator's clock: pods' clocks are not compared with ours. */
  readonly receivedAtMs: number
}

interface PodHistory {
  samples: Sample[]
  /** Set when the last reading brought no new report. */
  problem: string | undefined
}

export class ReportWindow {
  readonly #keepMs: number
  readonly #pods = new Map<string, PodHistory>()

  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  /** Takes one reading of the whole fleet; pods that are not in it any more are forgotten. */
  add(readings: readonly PodReading[], nowMs: number): void {
    const present = new Set(readings.map((reading) => reading.pod))
    for (const pod of this.#pods.keys()) if (!present.has(pod)) this.#pods.delete(pod)
    for (const { pod, report, error } of readings) {
      const history = this.#pods.get(pod) ?? { samples: [], problem: undefined }
      this.#pods.set(pod, history)
      if (!report) history.problem = error ?? 'no report'
      else this.#take(history, report, nowMs)
      const oldest = nowMs - this.#keepMs
      // One sample older than the window is kept as its base.
      while (history.samples.length > 2 && (history.samples[1] as Sample).receivedAtMs <= oldest) history.samples.shift()
      if (history.samples.length > MAX_REPORTS) history.samples.shift()
    }
  }

  #take(history: PodHistory, report: PodReport, nowMs: number): void {
    const last = history.samples.at(-1)?.report
    if (last && last.startedAtMs === report.startedAtMs && report.atMs <= last.atMs) {
      history.problem = `its report is frozen (made at ${new Date(report.atMs).toISOString()})`
      return
    }
    const restarted = last !== undefined && last.startedAtMs !== report.startedAtMs
    const backwards = last && !restarted ? firstDecrease(last, report) : undefined
    history.problem = backwards === undefined ? undefined : `its counter ${backwards} went backwards without a restart`
    if (restarted) history.samples = []
    history.samples.push({ report, receivedAtMs: nowMs })
  }

  /**
   * What each pod did since `fromMs` (operator's clock): the base is the last report at or before it, else the oldest there is, but none
   * from before `notBeforeMs`, when what is to be judged began.
   */
  measure(fromMs: number, notBeforeMs: number): PodMeasure[] {
    return [...this.#pods].map(([pod, history]) => measurePod(pod, history, fromMs, notBeforeMs))
  }

  /** The newest report of each pod that answered last time. */
  latest(): PodReport[] {
    return [...this.#pods.values()].flatMap((history) =>
      history.problem === undefined && history.samples.length > 0 ? [(history.samples.at(-1) as Sample).report] : [],
    )
  }
}

function measurePod(pod: string, history: PodHistory, fromMs: number, notBeforeMs: number): PodMeasure {
  if (history.problem !== undefined) return { kind: 'unseen', pod, why: history.problem }
  const last = history.samples.at(-1)
  if (!last) return { kind: 'unknown', pod, why: 'no report yet' }
  const usable = history.samples.filter((sample) => sample.receivedAtMs >= notBeforeMs)
  const base = usable.findLast((sample) => sample.receivedAtMs <= fromMs) ?? usable[0]
  if (!base || base === last) return { kind: 'unknown', pod, why: 'there is one report so far, and a difference needs two' }
  const backwards = firstDecrease(base.report, last.report)
  if (backwards) return { kind: 'unseen', pod, why: `its counter ${backwards} went backwards without a restart` }
  let latency: HistogramSnapshot
  try {
    latency = Histogram.delta(last.report.latency, base.report.latency)
  } catch (error) {
    return { kind: 'unseen', pod, why: `its latency histogram went backwards without a restart: ${(error as Error).message}` }
  }
  const total = last.report.requests.total - base.report.requests.total
  const undecided = (requests: RequestCounters) => requests.rejected + requests.throttled + requests.failed
  return {
    kind: 'measured',
    delta: {
      pod,
      total,
      failed: last.report.requests.failed - base.report.requests.failed,
      decided: Math.max(0, total - (undecided(last.report.requests) - undecided(base.report.requests))),
      dedupHits: last.report.requests.dedupHits - base.report.requests.dedupHits,
      latency,
    },
  }
}

function firstDecrease(base: PodReport, last: PodReport): string | undefined {
  for (const [name, value] of Object.entries(base.requests)) {
    const now = last.requests[name as keyof RequestCounters]
    if (typeof now !== 'number' || !Number.isFinite(now) || now < value) return name
  }
  return undefined
}
