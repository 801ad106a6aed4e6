/** A clock that stands still but for its sleeps, which take no time and are kept. */
import type { Clock } from '../system.ts'

export class FakeClock implements Clock {
  readonly sleeps: number[] = []
  #now = Date.parse('2026-01-01T00:00:00Z')

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(ms)
    this.#now += ms
  }
}
