import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareCanary,
  GATE_METRICS,
  type Gate,
  type GateMetric,
  measureGate,
  measureGates,
  type PodMeasure,
  sawNoRequests,
} from './gates.ts'
import { ReportWindow } from './window.ts'

const gates: Gate[] = [
  { metric: 'maxLatencyP95', threshold: 200, minSamples: 10 },
  { metric: 'maxErrorRate', threshold: 1, minSamples: 10 },
  { metric: 'minDedupHitRatio', threshold: 40, minSamples: 10 },
]

interface Traffic {
  readonly requests: number
  readonly ms: number
  readonly failed?: number
  readonly hits?: number
}

/** A pod that answers requests and reports them as a real one does: cumulative since its start. */
class Pod {
  #histogram = new Histogram()
  #counts = { total: 0, failed: 0, hits: 0 }
  #startedAtMs: number
  readonly name: string

  constructor(name: string, startedAtMs = 1) {
    this.name = name
    this.#startedAtMs = startedAtMs
  }

  serve({ requests, ms, failed = 0, hits = 0 }: Traffic): this {
    for (let i = 0; i < requests; i++) this.#histogram.record(ms)
    this.#counts = { total: this.#counts.total + requests, failed: this.#counts.failed + failed, hits: this.#counts.hits + hits }
    return this
  }

  restart(atMs: number): this {
    this.#histogram = new Histogram()
    this.#counts = { total: 0, failed: 0, hits: 0 }
    this.#startedAtMs = atMs
    return this
  }

  report(atMs: number): PodReport {
    const { total, failed, hits } = this.#counts
    const requests = {
      total,
      accepted: total - failed,
      escalated: 0,
      rejected: 0,
      throttled: 0,
      failed,
      dedupHits: hits,
      equivocations: 0,
      reroutes: 0,
    }
    return {
      pod: this.name,
      startedAtMs: this.#startedAtMs,
      atMs,
      ready: true,
      notReadyReason: undefined,
      draining: false,
      configRevision: 'r',
      generation: 1,
      requests,
      latency: this.#histogram.snapshot(),
      shards: [],
      walBacklogEntries: 0,
    }
  }

  reading(atMs: number) {
    return { pod: this.name, report: this.report(atMs), error: undefined }
  }
}

const missing = (pod: string) => ({ pod, report: undefined, error: 'ECONNREFUSED' })
const healthy: Traffic = { requests: 100, ms: 5, hits: 60 }
const verdicts = (pods: readonly PodMeasure[], nowMs: number) =>
  measureGates(gates, pods, 10, nowMs).map((reading) => reading.verdict)

describe('gate honesty', () => {
  const cases: [string, string[], (window: ReportWindow) => { fromMs: number; notBeforeMs: number }][] = [
    [
      'a healthy fleet passes',
      ['Pass', 'Pass', 'Pass'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(1000)], 1000)
        window.add([pod.serve(healthy).reading(2000)], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'one report is no measurement, however good its lifetime totals are',
      ['NoData', 'NoData', 'NoData'],
      (window) => {
        window.add([new Pod('a').serve({ requests: 100_000, ms: 1, hits: 90_000 }).reading(1000)], 1000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'a good day does not hide a bad minute',
      ['Fail', 'Fail', 'Fail'],
      (window) => {
        const pod = new Pod('a').serve({ requests: 100_000, ms: 1, hits: 90_000 })
        window.add([pod.reading(1000)], 1000)
        window.add([pod.serve({ requests: 100, ms: 900, failed: 30, hits: 0 }).reading(2000)], 2000)
        return { fromMs: 500, notBeforeMs: 0 }
      },
    ],
    [
      'a bad hour before the step does not fail what came after it',
      ['Pass', 'Pass', 'Pass'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(0)], 0)
        window.add([pod.serve({ requests: 1000, ms: 900, failed: 500 }).reading(1000)], 1000)
        window.add([pod.reading(2000)], 2000)
        window.add([pod.serve(healthy).reading(3000)], 3000)
        return { fromMs: 0, notBeforeMs: 2000 }
      },
    ],
    [
      'no traffic is no data',
      ['NoData', 'NoData', 'NoData'],
      (window) => {
        const pod = new Pod('a').serve(healthy)
        window.add([pod.reading(1000)], 1000)
        window.add([pod.reading(2000)], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'too few samples are no data',
      ['NoData', 'NoData', 'NoData'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(1000)], 1000)
        window.add([pod.serve({ requests: 9, ms: 1, hits: 9 }).reading(2000)], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'a frozen source is an error, not a quiet pass',
      ['Error', 'Error', 'Error'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(1000)], 1000)
        window.add([pod.serve(healthy).reading(2000)], 2000)
        window.add([pod.reading(2000)], 3000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'a pod that does not answer is an error',
      ['Error', 'Error', 'Error'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(1000), missing('b')], 1000)
        window.add([pod.serve(healthy).reading(2000), missing('b')], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'what was seen to fail is a failure, even when not all was seen',
      ['Fail', 'Fail', 'Fail'],
      (window) => {
        const pod = new Pod('a')
        window.add([pod.reading(1000), missing('b')], 1000)
        window.add([pod.serve({ requests: 100, ms: 900, failed: 30 }).reading(2000), missing('b')], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'a pod that has just restarted has no base, and the fleet no pass',
      ['NoData', 'NoData', 'NoData'],
      (window) => {
        const [a, b] = [new Pod('a'), new Pod('b')]
        window.add([a.reading(1000), b.reading(1000)], 1000)
        window.add([a.serve(healthy).reading(2000), b.restart(1500).serve(healthy).reading(2000)], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    [
      'counters that run backwards without a restart are an error',
      ['Error', 'Error', 'Error'],
      (window) => {
        const pod = new Pod('a').serve(healthy)
        window.add([pod.reading(1000)], 1000)
        window.add([pod.restart(1).reading(2000)], 2000)
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
    ['an empty fleet is no data', ['NoData', 'NoData', 'NoData'], () => ({ fromMs: 0, notBeforeMs: 0 })],
    [
      'the slow pod of three counts, though the others are fast',
      ['Fail', 'Pass', 'Pass'],
      (window) => {
        const pods = [new Pod('a'), new Pod('b'), new Pod('c')]
        window.add(
          pods.map((pod) => pod.reading(1000)),
          1000,
        )
        for (const [i, pod] of pods.entries()) pod.serve({ ...healthy, ms: i === 2 ? 900 : 5 })
        window.add(
          pods.map((pod) => pod.reading(2000)),
          2000,
        )
        return { fromMs: 0, notBeforeMs: 0 }
      },
    ],
  ]

  it.each(cases)('%s', (_name, expected, scenario) => {
    const window = new ReportWindow(10_000)
    const { fromMs, notBeforeMs } = scenario(window)
    expect(verdicts(window.measure(fromMs, notBeforeMs), 3000)).toEqual(expected)
  })

  it('answers an unknown metric, or a threshold that is no number, with an error', () => {
    expect(measureGate({ metric: 'maxCpu' as GateMetric, threshold: 1, minSamples: 1 }, [], 10, 0).verdict).toBe('Error')
    expect(measureGate({ metric: 'maxErrorRate', threshold: Number.NaN, minSamples: 1 }, [], 10, 0).verdict).toBe('Error')
  })

  it('says what it asked, what it saw and what was allowed', () => {
    const window = new ReportWindow(10_000)
    const pod = new Pod('a')
    window.add([pod.reading(1000)], 1000)
    window.add([pod.serve({ requests: 200, ms: 5, failed: 10 }).reading(2000)], 2000)
    expect(measureGate(gates[1] as Gate, window.measure(0, 0), 10, 2000)).toMatchObject({
      query: '100 * failed / total over 10 s of 1 of 1 pods',
      value: 5,
      threshold: 1,
      samples: 200,
      message: '5 %, allowed is at most 1 %',
    })
  })

  it('no gate passes without samples, whatever the reports say', () => {
    const count = fc.integer({ min: 0, max: 50 })
    const step = fc.record({
      requests: count,
      ms: fc.integer({ min: 0, max: 1000 }),
      failed: count,
      hits: count,
      restarts: fc.boolean(),
      answers: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 9000 }),
        fc.constantFrom(...GATE_METRICS),
        (rounds, fromMs, metric) => {
          const window = new ReportWindow(5000)
          const pods = [new Pod('a'), new Pod('b'), new Pod('c')]
          for (const [i, round] of rounds.entries()) {
            const atMs = (i + 1) * 1000
            window.add(
              round.map(({ requests, ms, failed, hits, restarts, answers }, p) => {
                const pod = pods[p] as Pod
                if (restarts) pod.restart(atMs)
                pod.serve({
                  requests,
                  ms,
                  failed: Math.min(failed, requests),
                  hits: Math.min(hits, requests - Math.min(failed, requests)),
                })
                return answers ? pod.reading(atMs) : missing(pod.name)
              }),
              atMs,
            )
          }
          const measures = window.measure(fromMs, 0)
          for (const threshold of [0, 1e9]) {
            const reading = measureGate({ metric, threshold, minSamples: 1 }, measures, 5, 9000)
            if (reading.verdict !== 'Pass') continue
            expect(reading.samples).toBeGreaterThan(0)
            expect(measures.every((measure) => measure.kind === 'measured')).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a canary', () => {
  const measured = (name: string, traffic: Traffic): PodMeasure[] => {
    const window = new ReportWindow(10_000)
    const pod = new Pod(name)
    window.add([pod.reading(1000)], 1000)
    window.add([pod.serve(traffic).reading(2000)], 2000)
    return window.measure(0, 0)
  }
  const gate: Gate = { metric: 'maxLatencyP95', threshold: 200, minSamples: 10 }

  it('fails when it is much slower than the rest, below the absolute limit too', () => {
    expect(
      compareCanary(
        gate,
        measured('c', { requests: 100, ms: 60 }),
        measured('r', { requests: 100, ms: 10 }),
        { factor: 2, floor: 12 },
        10,
        2000,
      ).verdict,
    ).toBe('Fail')
    expect(
      compareCanary(
        gate,
        measured('c', { requests: 100, ms: 15 }),
        measured('r', { requests: 100, ms: 10 }),
        { factor: 2, floor: 12 },
        10,
        2000,
      ).verdict,
    ).toBe('Pass')
  })

  it('does not pass when there is nothing to compare it with', () => {
    expect(
      compareCanary(
        gate,
        measured('c', { requests: 100, ms: 5 }),
        measured('r', { requests: 1, ms: 10 }),
        { factor: 2, floor: 12 },
        10,
        2000,
      ).verdict,
    ).toBe('NoData')
  })

  it('passes within the floor, however much better the rest is', () => {
    const compare = (floor: number) =>
      compareCanary(
        gate,
        measured('c', { requests: 100, ms: 9 }),
        measured('r', { requests: 100, ms: 1 }),
        { factor: 2, floor },
        10,
        2000,
      )
    expect(compare(10)).toMatchObject({ verdict: 'Pass', subject: 'canary' })
    expect(compare(5).verdict).toBe('Fail')
  })
})

describe('a fleet without requests', () => {
  const pod = (name: string, requests: number): PodMeasure => ({
    kind: 'measured',
    delta: { pod: name, total: requests, failed: 0, decided: 0, dedupHits: 0, latency: { count: 0, sum: 0, buckets: [] } },
  })
  it.each<[boolean, string, readonly PodMeasure[]]>([
    [true, 'all pods measured, none asked', [pod('a', 0), pod('b', 0)]],
    [false, 'one was asked once', [pod('a', 0), pod('b', 1)]],
    [false, 'one was not seen', [pod('a', 0), { kind: 'unseen', pod: 'b', why: 'x' }]],
    [false, 'one has one report so far', [pod('a', 0), { kind: 'unknown', pod: 'b', why: 'x' }]],
    [false, 'there are no pods', []],
  ])('is told apart from one that was not measured: %s, %s', (quiet, _why, pods) => {
    expect(sawNoRequests(pods)).toBe(quiet)
  })
})
