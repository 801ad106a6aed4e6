/**
 * The rate limit of one tenant: a bucket that fills at `ratePerSecond` and holds one second's worth, so that an agent that wakes up
 * with a backlog is not refused at once. No timer: it is filled when it is asked.
 */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #capacity: number
  #tokens: number
  #filledAtMs: number

  /** A rate of 0 sets no limit. */
  constructor(ratePerSecond: number, nowMs: number) {
    this.#ratePerMs = ratePerSecond / 1000
    this.#capacity = Math.max(1, ratePerSecond)
    this.#tokens = this.#capacity
    this.#filledAtMs = nowMs
  }

  /** Takes a token. @returns 0, or for how many whole seconds to wait until one is there. `nowMs` is monotonic. */
  take(nowMs: number): number {
    if (this.#ratePerMs === 0) return 0
    const elapsedMs = nowMs - this.#filledAtMs
    if (elapsedMs > 0) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + elapsedMs * this.#ratePerMs)
      this.#filledAtMs = nowMs
    }
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#ratePerMs / 1000))
  }
}
