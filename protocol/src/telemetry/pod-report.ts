/**
 * What a pod tells the operator over its admin port, and the fleet adapters read: `GET /admin/v1/report`. Counters and
 * histograms are cumulative since the pod's start (`startedAtMs`); a gate works with the difference of two reports of one start, never
 * with totals (design: gates are honest).
 */

export interface PodReport {
  readonly pod: string
  /** When this process started; a change between two reports means a restart, and the earlier one is no base for a delta. */
  readonly startedAtMs: number
  /** When this report was made. */
  readonly atMs: number
  readonly ready: boolean
  /** Why it is not ready, for people. */
  readonly notReadyReason: string | undefined
  readonly draining: boolean
  readonly configRevision: string
  /** Highest operator generation this pod has seen. */
  readonly generation: number
  readonly requests: RequestCounters
  /** Time from the whole request read to the answer handed to the socket, of submissions, in milliseconds; see `Histogram`. */
  readonly latency: HistogramSnapshot
  /** By shard id. `regressed`: the shard shows an older epoch than it once did, and gets no writes from this pod. */
  readonly shards: readonly {
    readonly id: string
    readonly reachable: boolean
    readonly epoch: number
    readonly regressed: boolean
  }[]
  readonly walBacklogEntries: number
  /** Of the policies that it was last given. This and what follows is missing in reports of pods that are older than it. */
  readonly policies?: { readonly revision: string; readonly epoch: number }
  /** What this build can carry out of what policies may ask, e.g. `crr`; a name that is not here is not done. */
  readonly capabilities?: readonly string[]
  /** Of the build. */
  readonly version?: string
}

export interface RequestCounters {
  /** Submissions answered, of any status. */
  readonly total: number
  readonly accepted: number
  readonly escalated: number
  /** 4xx other than 429. */
  readonly rejected: number
  readonly throttled: number
  /** 5xx. */
  readonly failed: number
  readonly dedupHits: number
  readonly equivocations: number
  /** Answers NOT_OWNER that were followed to another shard. */
  readonly reroutes: number
}

/** Sparse counts of a log-linear histogram: pairs of (bucket index, count); see `telemetry/histogram.ts`. */
export interface HistogramSnapshot {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly (readonly [index: number, count: number])[]
}
