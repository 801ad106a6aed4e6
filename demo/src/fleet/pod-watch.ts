/** Asks the pods' admin ports how they are, and makes rates and latencies of the last seconds from two reports of one process. */

import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { PodState } from '../view/snapshot.ts'

/** What this needs of a pod. */
export interface WatchedPod {
  readonly name: string
  readonly adminUrl: string
}

const TIMEOUT_MS = 1500
/** A window of about this long, so that a p95 rests on enough answers to mean something. */
const WINDOW_REPORTS = 4

export class PodWatch {
  readonly #pods: readonly WatchedPod[]
  readonly #token: string
  readonly #reports = new Map<string, PodReport[]>()

  constructor(pods: readonly WatchedPod[], token: string) {
    this.#pods = pods
    this.#token = token
  }

  read(): Promise<PodState[]> {
    return Promise.all(this.#pods.map((pod) => this.#readOne(pod)))
  }

  async #readOne(pod: WatchedPod): Promise<PodState> {
    const report = await fetchReport(pod, this.#token).catch(() => undefined)
    if (!report) {
      this.#reports.delete(pod.name)
      return { name: pod.name, state: 'down', requestsPerSecond: 0, p95Ms: undefined }
    }
    const known = this.#reports.get(pod.name) ?? []
    const kept = known[0]?.startedAtMs === report.startedAtMs ? known.slice(-WINDOW_REPORTS) : []
    this.#reports.set(pod.name, [...kept, report])
    return stateOf(pod.name, kept[0], report)
  }
}

/** @param earlier of the same process, or undefined where there is none yet: then there are no rates to tell. */
export function stateOf(name: string, earlier: PodReport | undefined, report: PodReport): PodState {
  const state = report.ready ? 'ready' : 'not ready'
  if (!earlier) return { name, state, requestsPerSecond: 0, p95Ms: undefined }
  const seconds = Math.max(0.001, (report.atMs - earlier.atMs) / 1000)
  return {
    name,
    state,
    requestsPerSecond: (report.requests.total - earlier.requests.total) / seconds,
    p95Ms: Histogram.quantile(Histogram.delta(report.latency, earlier.latency), 0.95),
  }
}

async function fetchReport(pod: WatchedPod, token: string): Promise<PodReport> {
  const answer = await fetch(`${pod.adminUrl}/admin/v1/report`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (!answer.ok) throw new Error(`${pod.name} answered ${answer.status} to a request for its report`)
  return (await answer.json()) as PodReport
}
