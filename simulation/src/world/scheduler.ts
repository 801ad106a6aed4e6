/**
 * Seeded scheduler with virtual time: whoever waits for a turn gets it in an order that the seed decides, and a sleep takes no time. The same
 * seed gives the same run, as long as everything in the run waits for nothing else.
 */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '@fractal-lba/migration/clock'

export class Scheduler implements Clock {
  #nowMs = 1_700_000_000_000
  readonly #random: () => number
  #ready: (() => void)[] = []
  readonly #timers = new Set<{ atMs: number; readonly wake: () => void }>()
  turns = 0

  constructor(seed: number) {
    this.#random = mulberry32(seed)
  }

  now(): number {
    return this.#nowMs
  }

  random(): number {
    return this.#random()
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T
  }

  /** Resolves at some point of the seed's choice: what an await on the network is. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#ready.push(resolve))
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = { atMs: this.#nowMs + Math.ceil(ms), wake: resolve }
      this.#timers.add(timer)
      signal?.addEventListener('abort', () => {
        if (this.#timers.delete(timer)) this.#ready.push(resolve)
      })
    })
  }

  /** Lets everybody run until `done`; calls `check` after each turn. @throws Error when nobody can go on, or after `maxTurns`. */
  async run(done: () => boolean, check: () => void, maxTurns: number): Promise<void> {
    for (;;) {
      await setImmediate()
      check()
      if (done()) return
      if (++this.turns > maxTurns) throw new Error(`no end after ${maxTurns} turns`)
      if (this.#ready.length === 0) this.#wakeNext()
      const index = Math.floor(this.#random() * this.#ready.length)
      const [resolve] = this.#ready.splice(index, 1)
      this.#nowMs += Math.floor(this.#random() * 3)
      this.#wakeDue()
      resolve?.()
    }
  }

  #wakeDue(): void {
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs) continue
      this.#timers.delete(timer)
      this.#ready.push(timer.wake)
    }
  }

  #wakeNext(): void {
    const next = Math.min(...[...this.#timers].map(({ atMs }) => atMs))
    if (!Number.isFinite(next)) throw new Error('nobody can go on')
    this.#nowMs = Math.max(this.#nowMs, next)
    this.#wakeDue()
  }
}

/** A small generator with a good enough spread; from its seed alone. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
