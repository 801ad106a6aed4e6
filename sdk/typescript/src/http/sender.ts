/**
 * Delivers one body: tries, waits, tries again, until it has an answer, the answer is final, or the deadline would pass. The bytes are the
 * same each time, so a verifier that had decided before its answer was lost gives the same answer again.
 */
import { QuotaError, UnavailableError } from '../errors.ts'
import type { Clock } from '../system.ts'
import { readAnswer, type SubmitResult } from './answer.ts'
import { type BackoffOptions, backoffMs, retryAfterMsOf } from './backoff.ts'
import type { Transport } from './transport.ts'

export interface SendLimits {
  /** For all tries together. */
  readonly deadlineMs: number
  /** For one try. */
  readonly requestTimeoutMs: number
  readonly backoff: BackoffOptions
}

interface Failure {
  readonly what: string
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  readonly cause: unknown
}

export class Sender {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #random: () => number
  readonly #limits: SendLimits

  constructor(transport: Transport, clock: Clock, random: () => number, limits: SendLimits) {
    this.#transport = transport
    this.#clock = clock
    this.#random = random
    this.#limits = limits
  }

  /** @throws a `SubmitError`, or the reason of `signal`. */
  async send(
    pcsId: string,
    body: Buffer,
    deadlineMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SubmitResult> {
    const endsAt = this.#clock.now() + (deadlineMs ?? this.#limits.deadlineMs)
    for (let failures = 1; ; failures++) {
      const outcome = await this.#try(pcsId, body, endsAt, signal)
      if ('result' in outcome) return outcome.result
      const waitMs = backoffMs(failures, outcome.retryAfterMs, this.#random(), this.#limits.backoff)
      // A wait that ends behind the deadline would only delay the news.
      if (this.#clock.now() + waitMs >= endsAt) throw giveUp(pcsId, outcome, failures)
      await this.#clock.sleep(waitMs, signal)
    }
  }

  async #try(
    pcsId: string,
    body: Buffer,
    endsAt: number,
    signal: AbortSignal | undefined,
  ): Promise<{ result: SubmitResult } | Failure> {
    const timeoutMs = Math.max(1, Math.min(this.#limits.requestTimeoutMs, endsAt - this.#clock.now()))
    try {
      const answer = await this.#transport.post(body, timeoutMs, signal)
      const reading = readAnswer(answer, pcsId)
      if (reading.kind === 'result') return { result: reading.result }
      if (reading.kind === 'final') throw reading.error
      return {
        what: reading.what,
        status: answer.status,
        retryAfterMs: retryAfterMsOf(answer.retryAfter, this.#clock.now()),
        cause: undefined,
      }
    } catch (error) {
      if (signal?.aborted || !isConnectionTrouble(error)) throw error
      return { what: error.message || String(error.code), status: undefined, retryAfterMs: undefined, cause: error }
    }
  }
}

/** Everything that the transport throws is plain `Error`; what this library makes of an answer is not. */
function isConnectionTrouble(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && !('pcsId' in error)
}

function giveUp(pcsId: string, failure: Failure, tries: number): QuotaError | UnavailableError {
  const message = `gave up after ${tries} ${tries === 1 ? 'try' : 'tries'}; the last: ${failure.what}`
  if (failure.status === 429) return new QuotaError(message, pcsId, 429, failure.retryAfterMs)
  return new UnavailableError(
    message,
    pcsId,
    failure.status,
    failure.retryAfterMs,
    failure.cause ? { cause: failure.cause } : undefined,
  )
}
