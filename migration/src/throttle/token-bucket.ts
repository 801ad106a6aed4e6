/**
 * Paces the copy: at most `ceiling` keys per second, and less when the fleet says that its latency nears the limit. The rate falls by half
 * on each bad reading and climbs by steps while readings are good (AIMD), so it settles just below what the users do not notice.
 */
import type { Clock } from '../clock.ts'

/** A reading of the fleet's own latency, for instance the p95 of the last seconds. */
export interface LatencyReading {
  readonly p95Ms: number
  readonly limitMs: number
}

/** Back off when the reading is above this share of its limit: before the gate fails, not after. */
const BACK_OFF_AT = 0.8
/** Never slower than this share of the ceiling: a copy that stands still never ends. */
const FLOOR_SHARE = 0.02
/** Nor slower than this, unless the ceiling is: a rollback whose gate goes on failing must end, too, and no fleet notices so little. */
const FLOOR_PER_SECOND = 50
const CLIMB_SHARE = 0.05
/** Work that was not done in a pause is made up for at most this long. */
const BURST_MS = 250
/** How long a copy that waits may not notice a new rate. */
const LONGEST_SLEEP_MS = 100
/** What is owed by rounding alone would be slept for without end. */
const SHORTEST_SLEEP_MS = 1
/** An unthrottled copy that has to back off starts from the rate that it was measured at. */
const UNTHROTTLED = Number.POSITIVE_INFINITY

export class TokenBucket {
  #rate: number
  #ceiling: number
  #tokens = 0
  #filledAtMs: number
  readonly #clock: Clock
  #taken = 0
  #takenSinceMs: number

  constructor(ceilingPerSecond: number | undefined, clock: Clock) {
    this.#ceiling = ceilingPerSecond ?? UNTHROTTLED
    this.#rate = this.#ceiling
    this.#clock = clock
    this.#filledAtMs = clock.now()
    this.#takenSinceMs = clock.now()
  }

  /** Keys per second now; Infinity while nothing holds it. */
  get ratePerSecond(): number {
    return this.#rate
  }

  /** Waits until `keys` may be copied. May go into debt by one batch, so that a batch larger than the burst passes too. */
  async take(keys: number, signal?: AbortSignal): Promise<void> {
    this.#taken += keys
    if (this.#rate === UNTHROTTLED) return
    this.#fill()
    this.#tokens -= keys
    // In slices, since the rate may climb meanwhile: a debt made at the floor must not be slept off at the floor when the fleet is well again.
    while (this.#tokens < 0) {
      const owedMs = (-this.#tokens / this.#rate) * 1000
      await this.#clock.sleep(Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, owedMs)), signal)
      if (signal?.aborted) return
      this.#fill()
    }
  }

  /** Adjusts the rate to a reading; called at each new one, about once a second. */
  adjust(reading: LatencyReading): void {
    const measured = this.#measuredRate()
    // Nothing was taken: either nothing is copied now, or the copy waits for its debt, which only a climb can shorten.
    if (measured === 0 && this.#rate === UNTHROTTLED) return
    if (reading.p95Ms > reading.limitMs * BACK_OFF_AT) {
      if (measured === 0) return
      this.#fill()
      const from = Math.min(this.#rate, Math.max(measured, 1))
      const share = (this.#ceiling === UNTHROTTLED ? Math.max(measured, 1000) : this.#ceiling) * FLOOR_SHARE
      const floor = Math.max(share, Math.min(this.#ceiling, FLOOR_PER_SECOND))
      this.#rate = Math.max(floor, from / 2)
    } else if (this.#rate !== this.#ceiling) {
      this.#fill()
      const step = (this.#ceiling === UNTHROTTLED ? Math.max(measured, 1000) : this.#ceiling) * CLIMB_SHARE
      this.#rate = Math.min(this.#ceiling, this.#rate + step)
    }
  }

  #measuredRate(): number {
    const now = this.#clock.now()
    const rate = (this.#taken / Math.max(1, now - this.#takenSinceMs)) * 1000
    this.#taken = 0
    this.#takenSinceMs = now
    return rate
  }

  #fill(): void {
    const now = this.#clock.now()
    if (this.#rate !== UNTHROTTLED) {
      const earned = ((now - this.#filledAtMs) / 1000) * this.#rate
      this.#tokens = Math.min((this.#rate * BURST_MS) / 1000, this.#tokens + earned)
    }
    this.#filledAtMs = now
  }
}
