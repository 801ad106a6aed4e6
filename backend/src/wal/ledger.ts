/**
 * How many durable entries each segment has, and how many of them are settled durably: what retention needs to know. Counts only, so
 * that a long backlog costs nothing here.
 */
import type { DurableEntry, Settlement } from './port.ts'

interface SegmentTally {
  entries: number
  settled: number
  /** When the newest entry came in; 0 for a segment without entries. */
  newestMs: number
}

export class SegmentLedger {
  readonly #tallies = new Map<number, SegmentTally>()

  /** The tally of `segment`, made when it is new. */
  of(segment: number): SegmentTally {
    let tally = this.#tallies.get(segment)
    if (tally === undefined) {
      tally = { entries: 0, settled: 0, newestMs: 0 }
      this.#tallies.set(segment, tally)
    }
    return tally
  }

  /** A segment with nothing in it counts as settled. */
  isSettled(segment: number): boolean {
    const tally = this.#tallies.get(segment)
    return tally === undefined || tally.settled >= tally.entries
  }

  newestMs(segment: number): number {
    return this.#tallies.get(segment)?.newestMs ?? 0
  }

  addDurable(segment: number, entries: readonly DurableEntry<unknown>[]): void {
    const tally = this.of(segment)
    tally.entries += entries.length
    for (const entry of entries) if (entry.receivedAtMs > tally.newestMs) tally.newestMs = entry.receivedAtMs
  }

  addSettled(settlements: readonly Settlement[]): void {
    for (const { position } of settlements) this.of(position.segment).settled++
  }

  forget(segment: number): void {
    this.#tallies.delete(segment)
  }
}
