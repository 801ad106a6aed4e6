/**
 * Seeded scheduler with virtual time: whoever waits for a turn gets it in an order that the seed decides, and a sleep takes no time. The same
 * seed gives the same run, as long as everything in the run waits for nothing else. Each turn is a macrotask of its own, so that all that
 * follows from one wake-up has happened before the next.
 */
import { fnv1a, type Random, randomOf } from './random.ts'

interface Timer {
  readonly atMs: number
  readonly wake: () => void
}

export class Scheduler {
  #nowMs = 1_760_000_000_000
  readonly #random: Random
  #ready: (() => void)[] = []
  readonly #timers = new Set<Timer>()
  #earliestMs = Number.POSITIVE_INFINITY
  #digest = 0
  turns = 0

  constructor(seed: number) {
    this.#random = randomOf(seed, 'schedule')
  }

  now(): number {
    return this.#nowMs
  }

  /** Of everything that has happened: two runs with the same digest took the same way. */
  get digest(): string {
    return this.#digest.toString(16).padStart(8, '0')
  }

  /** Makes what happened part of the digest. */
  note(text: string): void {
    this.#digest = fnv1a(text, this.#digest)
  }

  /** Runs `wake` at some point of the seed's choice: what an await on a network or a disk is. */
  soon(wake: () => void): void {
    this.#ready.push(wake)
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve))
  }

  /** @returns what cancels it. */
  after(ms: number, wake: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, Math.ceil(ms)), wake }
    this.#timers.add(timer)
    this.#earliestMs = Math.min(this.#earliestMs, timer.atMs)
    return () => this.#timers.delete(timer)
  }

  /** Resolves after `ms`, or soon after `signal` fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const onAbort = () => {
        cancel()
        this.soon(resolve)
      }
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Time passes in which nobody does anything. */
  leap(ms: number): void {
    this.#nowMs += ms
    this.#wakeDue()
  }

  /** Lets everybody run until `done`; calls `check` after each turn. @throws Error when nobody can go on, or after `maxTurns`. */
  run(done: () => boolean, check: () => void, maxTurns: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        try {
          check()
          if (done()) {
            resolve()
            return
          }
          if (++this.turns > maxTurns) throw new Error(`liveness: no end after ${maxTurns} turns`)
          this.#turn()
        } catch (error) {
          reject(error)
          return
        }
        setImmediate(next)
      }
      setImmediate(next)
    })
  }

  #turn(): void {
    if (this.#ready.length === 0) this.#wakeNext()
    const index = Math.floor(this.#random() * this.#ready.length)
    const wake = this.#ready[index] as () => void
    this.#ready.splice(index, 1)
    this.#nowMs += Math.floor(this.#random() * 3)
    this.#digest = Math.imul(this.#digest ^ (index + 31 * this.#ready.length + (this.#nowMs % 65_536)), 0x01000193) >>> 0
    if (this.#nowMs >= this.#earliestMs) this.#wakeDue()
    wake()
  }

  #wakeDue(): void {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs) {
        earliestMs = Math.min(earliestMs, timer.atMs)
        continue
      }
      this.#timers.delete(timer)
      this.#ready.push(timer.wake)
    }
    this.#earliestMs = earliestMs
  }

  #wakeNext(): void {
    let nextMs = Number.POSITIVE_INFINITY
    for (const { atMs } of this.#timers) nextMs = Math.min(nextMs, atMs)
    if (nextMs === Number.POSITIVE_INFINITY) throw new Error('liveness: nobody can go on')
    this.#nowMs = Math.max(this.#nowMs, nextMs)
    this.#wakeDue()
  }
}
