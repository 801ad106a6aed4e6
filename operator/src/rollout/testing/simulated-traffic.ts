/** What one pod answers, and what it reports of that: well, ill, or not to be believed. */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { PodReading } from '../../fleet/port.ts'

export interface Traffic {
  readonly requestsPerSecond: number
  readonly latencyMs: number
  readonly failedShare: number
  readonly report: 'true' | 'frozen' | 'unreachable' | 'backwards'
}

export const WELL: Traffic = { requestsPerSecond: 50, latencyMs: 10, failedShare: 0, report: 'true' }

export class SimulatedTraffic {
  readonly #name: string
  readonly #startedAtMs: number
  readonly #latency = new Histogram()
  #total = 0
  #failed = 0
  #frozen: PodReport | undefined

  constructor(name: string, startedAtMs: number) {
    this.#name = name
    this.#startedAtMs = startedAtMs
  }

  serve({ requestsPerSecond, latencyMs, failedShare }: Traffic, forMs: number): void {
    const requests = Math.round((requestsPerSecond * forMs) / 1000)
    this.#total += requests
    this.#failed += Math.round(requests * failedShare)
    for (let i = 0; i < requests; i++) this.#latency.record(latencyMs)
  }

  reading({ report }: Traffic, atMs: number, rest: Partial<PodReport> = {}): PodReading {
    const pod = this.#name
    if (report === 'unreachable') return { pod, report: undefined, error: 'ECONNREFUSED' }
    const made = { ...this.#report(report === 'backwards' ? 1_000_000_000 - this.#total : this.#total, atMs), ...rest }
    if (report === 'frozen') this.#frozen ??= made
    else this.#frozen = undefined
    // Frozen counters, but what the pod runs is seen all the same: the worst case for a gate.
    return { pod, report: this.#frozen ? { ...this.#frozen, ...rest } : made, error: undefined }
  }

  #report(total: number, atMs: number): PodReport {
    const zero = { escalated: 0, rejected: 0, throttled: 0, dedupHits: 0, equivocations: 0, reroutes: 0 }
    return {
      pod: this.#name,
      startedAtMs: this.#startedAtMs,
      atMs,
      ready: true,
      notReadyReason: undefined,
      draining: false,
      configRevision: '',
      generation: 0,
      requests: { ...zero, total, accepted: total - this.#failed, failed: this.#failed },
      latency: this.#latency.snapshot(),
      shards: [],
      walBacklogEntries: 0,
    }
  }
}
