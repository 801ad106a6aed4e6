/**
 * The way of a submission, in the order of its stages: log, examine, decide, effects, answer. One chain of promises serves a whole
 * group commit; nothing is allocated a request but its entry in the log.
 *
 * Nobody is answered 200 or 202 before the bytes are on disk and the decision is made. Whatever stops this chain leaves the entry
 * unsettled, and the next start runs it again: the same examination, the same origin, so the same decision, and effects once.
 */
import { decodeRecord } from '@fractal-lba/protocol/records/record'
import type { DedupPut, DedupStore, Outcome } from '../dedup/port.ts'
import type { Counters } from '../metrics/counters.ts'
import type { Tenant } from '../tenants/tenants.ts'
import type { DurableEntry, Settlement, Wal, WalEntry } from '../wal/port.ts'
import { renderAnswer, statusOf } from './answers.ts'
import type { Effects } from './effects.ts'
import type { Claim, Examined, Refused } from './examined.ts'
import type { Examiner } from './examiner.ts'
import type { RefusalCode, RefusalDetail } from './refusals.ts'
import type { RetryQueue } from './retry-queue.ts'
import { settle } from './settle.ts'

/** Submissions that may be under way at once: bounds memory (64 KiB each at most) and the wait of the last. */
export const MAX_UNDER_WAY = 8192

/** Whose submission it is and where its answer goes. */
export interface Submission<R> {
  readonly tenant: Tenant
  readonly reply: R
  /** Monotonic. */
  readonly startedAtMs: number
}

/** How answers reach clients; `R` is whatever the edge needs to find the client again. */
export interface Replies<R> {
  decided(reply: R, status: number, body: string): void
  refused(reply: R, code: RefusalCode, detail: RefusalDetail | undefined): void
}

export interface PipelineParts<R> {
  readonly wal: Wal<Submission<R> | undefined>
  readonly examiner: Examiner
  readonly store: DedupStore
  readonly retries: RetryQueue
  readonly effects: Effects
  readonly counters: Counters
  readonly replies: Replies<R>
  readonly storeDeadlineMs: number
  /** Whether the store is rebuilt from the log, so that winning records must stand there. */
  readonly recordsInLog: boolean
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number
  /** Milliseconds, monotonic. */
  readonly monotonic: () => number
  /** A failure that no stage expects; the process must end. */
  readonly onBroken: (error: unknown) => void
}

export class Pipeline<R> {
  readonly #parts: PipelineParts<R>
  /** Of batches that were examined while they were written. */
  readonly #findings = new WeakMap<readonly DurableEntry<Submission<R> | undefined>[], Promise<readonly Examined[]>>()
  #underWay = 0
  #batches = 0
  #draining = false
  #idle: (() => void) | undefined

  constructor(parts: PipelineParts<R>) {
    this.#parts = parts
  }

  /** Stage 1 and 2: takes a submission into the log. @returns why not, when nothing was taken; else the answer comes through `replies`. */
  submit(tenant: Tenant, body: Buffer, reply: R): RefusalCode | undefined {
    const { wal, retries, counters } = this.#parts
    if (this.#draining) return 'draining'
    if (retries.full) return 'store_backlog'
    if (this.#underWay >= MAX_UNDER_WAY) return 'overloaded'
    const context: Submission<R> = { tenant, reply, startedAtMs: this.#parts.monotonic() }
    if (!wal.append({ tenant: tenant.id, body, receivedAtMs: this.#parts.wallClock(), context })) {
      counters.walErrors++
      return 'log_unavailable'
    }
    this.#underWay++
    counters.ingested++
    tenant.counters.ingested++
    return undefined
  }

  /**
   * These entries are on their way to the disk. Examining needs nothing else and decides nothing, so it is done while the disk works,
   * which would leave this thread idle when all clients wait for the same sync.
   */
  onWriting(batch: readonly DurableEntry<Submission<R> | undefined>[]): void {
    this.#findings.set(batch, this.#parts.examiner.examine(batch))
  }

  /** The log's bytes of these entries are on disk. */
  onDurable(batch: readonly DurableEntry<Submission<R> | undefined>[]): void {
    this.#batches++
    this.#run(batch).then(
      () => this.#finished(),
      (error) => this.#parts.onBroken(error),
    )
  }

  /** The log could not take these entries after all (no space). */
  onRefused(batch: readonly WalEntry<Submission<R> | undefined>[]): void {
    this.#parts.counters.walErrors += batch.length
    for (const { context } of batch) if (context) this.#refuse(context, 'log_unavailable', undefined)
  }

  /** Entries that a start found unsettled, once more through the same stages. Nobody waits for their answers. */
  async replay(batch: readonly DurableEntry<undefined>[]): Promise<void> {
    await this.#run(batch)
  }

  /** Takes nothing more. @returns once everything under way is answered. */
  async drain(): Promise<void> {
    this.#draining = true
    if (this.#underWay > 0 || this.#batches > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  get draining(): boolean {
    return this.#draining
  }

  get underWay(): number {
    return this.#underWay
  }

  async #run(batch: readonly DurableEntry<Submission<R> | undefined>[]): Promise<void> {
    const { examiner, store, counters, monotonic, wallClock, storeDeadlineMs } = this.#parts
    const durableAtMs = monotonic()
    const oldest = batch[0]?.context
    if (oldest) counters.stages.log.record(durableAtMs - oldest.startedAtMs)

    const findings = await (this.#findings.get(batch) ?? examiner.examine(batch))
    const examinedAtMs = monotonic()
    counters.stages.examine.record(examinedAtMs - durableAtMs)

    const claims = claimsOf(findings)
    const outcomes = claims.length > 0 ? await store.putIfAbsent(claims, wallClock() + storeDeadlineMs) : []
    if (claims.length > 0) counters.stages.decide.record(monotonic() - examinedAtMs)

    this.#conclude(batch, findings, outcomes)
  }

  #conclude(
    batch: readonly DurableEntry<Submission<R> | undefined>[],
    findings: readonly Examined[],
    outcomes: readonly Outcome[],
  ): void {
    const settlements: Settlement[] = []
    let nextOutcome = 0
    for (let i = 0; i < batch.length; i++) {
      const entry = batch[i] as DurableEntry<Submission<R> | undefined>
      const finding = findings[i] as Examined
      if (finding.kind === 'refused') this.#concludeRefused(entry, finding, settlements)
      else this.#concludeClaim(entry, finding, outcomes[nextOutcome++] as Outcome, settlements)
    }
    if (settlements.length > 0) this.#parts.wal.settle(settlements)
  }

  #concludeRefused(entry: DurableEntry<Submission<R> | undefined>, refused: Refused, settlements: Settlement[]): void {
    this.#parts.effects.refused(entry.context?.tenant, refused)
    settlements.push({ position: entry.position, result: 'refused', key: undefined, record: undefined })
    if (entry.context) this.#refuse(entry.context, refused.code, refused)
  }

  #concludeClaim(
    { tenant, position, context }: DurableEntry<Submission<R> | undefined>,
    claim: Claim,
    outcome: Outcome,
    settlements: Settlement[],
  ): void {
    if (outcome.kind === 'unavailable') {
      // Not settled: the claim is put again in the background, and by the next start if this process ends first.
      this.#parts.counters.deferred++
      this.#parts.retries.add({ tenant, position, claim })
      if (context) this.#refuse(context, 'store_unavailable', { reason: outcome.reason, pcsId: claim.pcsId })
      return
    }
    settlements.push(settle(this.#parts.effects, tenant, position, claim, outcome, this.#parts.recordsInLog))
    if (!context) return
    if (outcome.kind === 'won') {
      this.#decided(context, claim.status, claim.answer)
    } else {
      const first = decodeRecord(outcome.record)
      this.#decided(context, statusOf(first.verdict), renderAnswer(first, claim.pcsId))
    }
  }

  #decided(submission: Submission<R>, status: number, body: string): void {
    this.#parts.replies.decided(submission.reply, status, body)
    this.#answered(submission)
  }

  #refuse(submission: Submission<R>, code: RefusalCode, detail: RefusalDetail | undefined): void {
    this.#parts.replies.refused(submission.reply, code, detail)
    this.#answered(submission)
  }

  #answered(submission: Submission<R>): void {
    this.#parts.counters.latency.record(this.#parts.monotonic() - submission.startedAtMs)
    this.#underWay--
    this.#wakeDrain()
  }

  #finished(): void {
    this.#batches--
    this.#wakeDrain()
  }

  #wakeDrain(): void {
    if (this.#idle && this.#underWay === 0 && this.#batches === 0) this.#idle()
  }
}

function claimsOf(findings: readonly Examined[]): DedupPut[] {
  const claims: DedupPut[] = []
  for (const finding of findings) if (finding.kind === 'claim') claims.push(finding)
  return claims
}
