/**
 * Measures health gates. Pure: a gate reads the difference of two reports of one pod start, merged over the fleet, and answers Pass,
 * Fail, NoData or Error, never a guess. What it saw (query, value, threshold, samples) is part of the answer, so that every decision
 * can be explained later. Invariant: no Pass without samples, and none while part of the fleet was not seen.
 */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { HistogramSnapshot } from '@fractal-lba/protocol/telemetry/pod-report'

export const GATE_METRICS = ['maxLatencyP95', 'maxErrorRate', 'minDedupHitRatio'] as const
export type GateMetric = (typeof GATE_METRICS)[number]

export interface Gate {
  readonly metric: GateMetric
  readonly threshold: number
  readonly minSamples: number
}

/** What one pod did between two of its reports. */
export interface PodDelta {
  readonly pod: string
  readonly total: number
  readonly failed: number
  readonly decided: number
  readonly dedupHits: number
  readonly latency: HistogramSnapshot
}

/** What is known of one pod over the window. `unseen`: it may be ill, nobody knows. `unknown`: it works, but has no base yet. */
export type PodMeasure =
  | { readonly kind: 'measured'; readonly delta: PodDelta }
  | { readonly kind: 'unseen'; readonly pod: string; readonly why: string }
  | { readonly kind: 'unknown'; readonly pod: string; readonly why: string }

export type Verdict = 'Pass' | 'Fail' | 'NoData' | 'Error'

export interface GateReading {
  readonly metric: GateMetric
  /** Set where the canary was compared with the rest of the fleet; else the fleet was compared with an absolute limit. */
  readonly subject: 'canary' | undefined
  readonly verdict: Verdict
  /** The question as it was asked. */
  readonly query: string
  readonly value: number | undefined
  readonly threshold: number
  readonly samples: number
  readonly atMs: number
  /** For people: why the verdict is what it is. */
  readonly message: string
}

interface Metric {
  readonly unit: string
  readonly text: string
  readonly samples: (deltas: readonly PodDelta[]) => number
  readonly value: (deltas: readonly PodDelta[]) => number | undefined
  readonly within: (value: number, threshold: number) => boolean
  readonly limit: 'at most' | 'at least'
}

const sum = (deltas: readonly PodDelta[], of: (delta: PodDelta) => number): number =>
  deltas.reduce((total, delta) => total + of(delta), 0)
const percent = (part: number, whole: number): number => (part / whole) * 100

const METRICS: Record<GateMetric, Metric> = {
  maxLatencyP95: {
    unit: 'ms',
    text: 'p95(latency)',
    samples: (deltas) => sum(deltas, (delta) => delta.latency.count),
    value: (deltas) => Histogram.quantile(Histogram.merge(...deltas.map((delta) => delta.latency)), 0.95),
    within: (value, threshold) => value <= threshold,
    limit: 'at most',
  },
  maxErrorRate: {
    unit: '%',
    text: '100 * failed / total',
    samples: (deltas) => sum(deltas, (delta) => delta.total),
    value: (deltas) =>
      percent(
        sum(deltas, (delta) => delta.failed),
        sum(deltas, (delta) => delta.total),
      ),
    within: (value, threshold) => value <= threshold,
    limit: 'at most',
  },
  minDedupHitRatio: {
    unit: '%',
    text: '100 * dedupHits / decided',
    samples: (deltas) => sum(deltas, (delta) => delta.decided),
    value: (deltas) =>
      percent(
        sum(deltas, (delta) => delta.dedupHits),
        sum(deltas, (delta) => delta.decided),
      ),
    within: (value, threshold) => value >= threshold,
    limit: 'at least',
  },
}

/** One measurement of one gate. A failure that was seen stands, whoever was not seen; a pass needs the whole fleet. */
export function measureGate(gate: Gate, pods: readonly PodMeasure[], windowSeconds: number, nowMs: number): GateReading {
  const metric = METRICS[gate.metric]
  const deltas = pods.flatMap((pod) => (pod.kind === 'measured' ? [pod.delta] : []))
  const query = `${metric?.text ?? gate.metric} over ${windowSeconds} s of ${deltas.length} of ${pods.length} pods`
  const answer = (verdict: Verdict, value: number | undefined, samples: number, message: string): GateReading => ({
    metric: gate.metric,
    subject: undefined,
    verdict,
    query,
    value,
    threshold: gate.threshold,
    samples,
    atMs: nowMs,
    message,
  })
  if (!metric) return answer('Error', undefined, 0, `there is no gate "${gate.metric}"`)
  if (!Number.isFinite(gate.threshold)) return answer('Error', undefined, 0, 'the threshold is not a number')

  const samples = metric.samples(deltas)
  const enough = samples > 0 && samples >= gate.minSamples
  const value = samples > 0 ? metric.value(deltas) : undefined
  if (value !== undefined && !Number.isFinite(value))
    return answer('Error', undefined, samples, 'the measured value is not a number')

  const compared =
    value === undefined ? '' : `${round(value)} ${metric.unit}, allowed is ${metric.limit} ${gate.threshold} ${metric.unit}`
  if (enough && value !== undefined && !metric.within(value, gate.threshold)) return answer('Fail', value, samples, compared)
  const unseen = pods.find((pod) => pod.kind === 'unseen')
  if (unseen) return answer('Error', value, samples, `${unseen.pod} was not measured: ${unseen.why}`)
  const unknown = pods.find((pod) => pod.kind === 'unknown')
  if (unknown) return answer('NoData', value, samples, `${unknown.pod} has no measurement yet: ${unknown.why}`)
  if (pods.length === 0) return answer('NoData', undefined, 0, 'the fleet has no pods')
  if (!enough || value === undefined)
    return answer('NoData', value, samples, `${samples} samples, at least ${gate.minSamples} are needed`)
  return answer('Pass', value, samples, compared)
}

export function measureGates(
  gates: readonly Gate[],
  pods: readonly PodMeasure[],
  windowSeconds: number,
  nowMs: number,
): GateReading[] {
  return gates.map((gate) => measureGate(gate, pods, windowSeconds, nowMs))
}

/** How much worse than the rest a canary may be. */
export interface CanaryLimit {
  /** So many times worse... */
  readonly factor: number
  /** ...and what is within this limit is good anyhow: of two small figures, one is easily twice the other. */
  readonly floor: number
}

/**
 * A canary against the rest of the fleet: a step that is slower or fails more than `factor` times the others is a failure even below
 * the absolute limit. Said only where both sides have enough samples.
 */
export function compareCanary(
  gate: Gate,
  canary: readonly PodMeasure[],
  rest: readonly PodMeasure[],
  limit: CanaryLimit,
  windowSeconds: number,
  nowMs: number,
): GateReading {
  const atMost = METRICS[gate.metric].limit === 'at most'
  const reference = measureGate({ ...gate, threshold: atMost ? Number.MAX_VALUE : 0 }, rest, windowSeconds, nowMs)
  if (reference.verdict !== 'Pass' || reference.value === undefined) {
    return {
      ...reference,
      subject: 'canary',
      threshold: gate.threshold,
      message: `nothing to compare the canary with: ${reference.message}`,
    }
  }
  const threshold = atMost
    ? Math.max(reference.value * limit.factor, limit.floor)
    : Math.min(reference.value / limit.factor, limit.floor)
  const reading = measureGate({ ...gate, threshold }, canary, windowSeconds, nowMs)
  return { ...reading, subject: 'canary', query: `${reading.query}, canary against ${round(reference.value)} of the rest` }
}

/** Whether every pod was seen over the window, and none of them got a request: there is nothing that gates could ever measure. */
export function sawNoRequests(pods: readonly PodMeasure[]): boolean {
  return pods.length > 0 && pods.every((pod) => pod.kind === 'measured' && pod.delta.total === 0)
}

const round = (value: number): number => Math.round(value * 1000) / 1000
