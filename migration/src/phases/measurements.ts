/** What this process has counted since it started, for progress and rates. A successor starts from zero, and nothing depends on it. */

/** Enough for every batch of a large migration; the newest are kept. */
const MAX_HOLDS = 4096

export class Measurements {
  keysCopied = 0
  bytesCopied = 0
  keysFollowed = 0
  keysDiscarded = 0
  slotsCompared = 0
  /** Milliseconds that each switched batch of slots had no owner: what a writer may have waited. */
  readonly holdsMs: number[] = []

  held(ms: number): void {
    if (this.holdsMs.length === MAX_HOLDS) this.holdsMs.shift()
    this.holdsMs.push(ms)
  }

  /** The p-th quantile of the holds; 0 while there is none. */
  holdQuantileMs(p: number): number {
    if (this.holdsMs.length === 0) return 0
    const sorted = [...this.holdsMs].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!
  }
}
