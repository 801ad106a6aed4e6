/**
 * Claims that the store gave no decision for in time. They are put again, oldest first and with the same origin, until it does: the
 * client was told 503, but its submission is in the log and will be decided. Bounded; while it is full the pod takes no submissions, so
 * that nothing is ever dropped from it.
 */
import type { DedupStore, Outcome } from '../dedup/port.ts'
import type { Settlement, WalPosition } from '../wal/port.ts'
import type { Effects } from './effects.ts'
import type { Claim } from './examined.ts'
import { settle } from './settle.ts'

/** About 100 MB of claims at most. */
export const MAX_WAITING_CLAIMS = 100_000
const MAX_CLAIMS_A_CALL = 512
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 2_000

export interface WaitingClaim {
  readonly tenant: string
  readonly position: WalPosition
  readonly claim: Claim
}

export interface RetryQueueParts {
  readonly store: DedupStore
  readonly effects: Effects
  readonly settle: (settlements: readonly Settlement[]) => void
  readonly deadlineMs: number
  readonly recordsInLog: boolean
  readonly wallClock: () => number
  /** Resolves after so many milliseconds, at once when `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** A failure that nobody expects; the process must end. */
  readonly onBroken: (error: unknown) => void
}

export class RetryQueue {
  readonly #parts: RetryQueueParts
  readonly #stop = new AbortController()
  #waiting: WaitingClaim[] = []
  #running: Promise<void> | undefined

  constructor(parts: RetryQueueParts) {
    this.#parts = parts
  }

  add(claim: WaitingClaim): void {
    this.#waiting.push(claim)
    if (this.#stop.signal.aborted) return
    this.#running ??= this.#run().catch((error) => this.#parts.onBroken(error))
  }

  get size(): number {
    return this.#waiting.length
  }

  get full(): boolean {
    return this.#waiting.length >= MAX_WAITING_CLAIMS
  }

  /** Stops; what still waits stays unsettled in the log. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { store, wallClock, deadlineMs, pause } = this.#parts
    let pauseMs = FIRST_PAUSE_MS
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      await pause(pauseMs, this.#stop.signal)
      if (this.#stop.signal.aborted) break
      const batch = this.#waiting.slice(0, MAX_CLAIMS_A_CALL)
      const outcomes = await store.putIfAbsent(
        batch.map((waiting) => waiting.claim),
        wallClock() + deadlineMs,
      )
      const decided = this.#conclude(batch, outcomes)
      pauseMs = decided > 0 ? 0 : Math.min(Math.max(pauseMs, FIRST_PAUSE_MS) * 2, MAX_PAUSE_MS)
    }
    this.#running = undefined
  }

  #conclude(batch: readonly WaitingClaim[], outcomes: readonly Outcome[]): number {
    const settlements: Settlement[] = []
    const undecided: WaitingClaim[] = []
    batch.forEach((waiting, i) => {
      const outcome = outcomes[i]
      if (!outcome || outcome.kind === 'unavailable') undecided.push(waiting)
      else
        settlements.push(
          settle(this.#parts.effects, waiting.tenant, waiting.position, waiting.claim, outcome, this.#parts.recordsInLog),
        )
    })
    // What one shard does not answer goes to the end, so that it does not keep the claims for the others waiting.
    this.#waiting = [...this.#waiting.slice(batch.length), ...undecided]
    if (settlements.length > 0) this.#parts.settle(settlements)
    return settlements.length
  }
}
