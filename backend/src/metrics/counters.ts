/**
 * What this process did since its start, as plain numbers that the hot path adds to. The exposition and the pod's report read them.
 */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'

/** Stages of a submission that are timed for each batch, in the order in which it passes them. */
export const STAGES = ['log', 'examine', 'decide'] as const
export type Stage = (typeof STAGES)[number]

export class Counters {
  /** Submissions answered, of any status. */
  total = 0
  accepted = 0
  escalated = 0
  /** 4xx other than 429. */
  rejected = 0
  throttled = 0
  /** 5xx. */
  failed = 0
  /** Submissions that a decision met which another one had caused; `equivocations` are those of them with other content. */
  dedupHits = 0
  equivocations = 0
  /** Claims that were sent on to another shard because the first did not own the slot. */
  reroutes = 0
  /** Submissions that reached the log. */
  ingested = 0
  signatureErrors = 0
  walErrors = 0
  /** Claims whose decision the store did not give in time, and which are put again until it does. */
  deferred = 0
  /** By the rendering of the signed fields that the signature was over, canonical first. */
  readonly renderings = [0, 0, 0, 0]
  /** From the whole request read to the answer handed to the socket. */
  readonly latency = new Histogram()
  readonly stages: Readonly<Record<Stage, Histogram>> = {
    log: new Histogram(),
    examine: new Histogram(),
    decide: new Histogram(),
  }

  /** Counts an answer by its status. */
  answered(status: number): void {
    this.total++
    if (status === 429) this.throttled++
    else if (status >= 500) this.failed++
    else if (status >= 400) this.rejected++
  }
}
