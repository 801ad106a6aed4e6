/**
 * An agent at work: summarises ahead of need, sends what the mix asks for at its pace, and notes in its journal what it sent and what it
 * was told.
 */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { Delivered, Delivery } from './delivery.ts'
import type { Journal } from './journal.ts'
import { Mix } from './mix.ts'
import type { AgentTally } from './orders.ts'
import { Pacer, type PacerDeps } from './pacing.ts'
import type { Submission, Submissions } from './submissions.ts'

/** With so many unanswered the fleet is down, and more of them would tell nothing new. */
const IN_FLIGHT_MAX = 2000

export interface AgentParts {
  readonly submissions: Submissions
  readonly delivery: Delivery
  readonly journal: Journal
  readonly random: () => number
  readonly pods: number
  readonly ratePerSecond: number
  readonly time: PacerDeps
}

export class Agent {
  readonly #parts: AgentParts
  readonly #pacer: Pacer
  readonly #mix: Mix
  readonly #latency = new Histogram()
  readonly #underWay = new Set<Promise<void>>()
  #answered = 0
  #refused = 0
  #unanswered = 0

  constructor(parts: AgentParts) {
    this.#parts = parts
    this.#mix = new Mix(parts.random)
    this.#pacer = new Pacer(
      {
        ratePerSecond: parts.ratePerSecond,
        inFlightMax: IN_FLIGHT_MAX,
        inFlight: () => this.#underWay.size,
        send: (due) => this.#sendAll(due),
      },
      parts.time,
    )
  }

  start(): void {
    this.#pacer.start()
  }

  tally(atMs: number): AgentTally {
    return {
      atMs,
      answered: this.#answered,
      inFlight: this.#underWay.size,
      repeated: this.#parts.delivery.repeated,
      held: this.#pacer.held,
      refused: this.#refused,
      unanswered: this.#unanswered,
      latency: this.#latency.snapshot(),
    }
  }

  /** Sends nothing new and waits for what is under way. */
  async stop(): Promise<void> {
    this.#pacer.stop()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    this.#parts.journal.flush()
  }

  #sendAll(due: readonly number[]): void {
    const { journal } = this.#parts
    const batch = due.flatMap((dueAtMs) => this.#errand().map((each) => ({ ...each, dueAtMs })))
    for (const { submission } of batch) {
      const { key, content, pcs } = submission
      journal.note({ t: 'sent', key, tenant: this.#parts.submissions.tenant, pcs: pcs.pcs_id, content })
    }
    // One write for the tick: all contents are in the journal before the first byte of any leaves.
    journal.flush()
    for (const { submission, pod, dueAtMs } of batch) {
      const under = this.#send(submission, pod, dueAtMs).finally(() => this.#underWay.delete(under))
      this.#underWay.add(under)
    }
  }

  #errand(): { submission: Submission; pod: number }[] {
    const { submissions, random, pods } = this.#parts
    const pod = Math.floor(random() * pods)
    switch (this.#mix.draw(submissions.canRepeat)) {
      case 'new':
        return [{ submission: submissions.takeNew(), pod }]
      case 'race': {
        const submission = submissions.takeNew()
        return [
          { submission, pod },
          { submission, pod: (pod + 1) % pods },
        ]
      }
      case 'replay':
        return [{ submission: submissions.takeReplay(), pod }]
      case 'equivocation':
        return [{ submission: submissions.takeEquivocation(), pod }]
    }
  }

  async #send(submission: Submission, pod: number, dueAtMs: number): Promise<void> {
    const { delivery, journal, time } = this.#parts
    const delivered = await delivery.deliver(submission, pod)
    this.#latency.record(time.now() - dueAtMs)
    journal.note(this.#count(submission, delivered))
  }

  #count({ key, content }: Submission, delivered: Delivered): Parameters<Journal['note']>[0] {
    switch (delivered.kind) {
      case 'answered': {
        this.#answered++
        const { accepted, escalated, recomputed_D_hat, recomputed_budget, reason } = delivered.result
        return {
          t: 'answer',
          key,
          pod: delivered.pod,
          content,
          accepted,
          escalated,
          dHat: recomputed_D_hat,
          budget: recomputed_budget,
          reason,
        }
      }
      case 'refused':
        this.#refused++
        return { t: 'refused', key, pod: delivered.pod, message: delivered.error.message }
      case 'unanswered':
        this.#unanswered++
        return { t: 'unanswered', key, content, message: delivered.error.message }
    }
  }
}
