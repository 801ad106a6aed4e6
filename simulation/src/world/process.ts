/**
 * A process of the simulated machines: it can end at any await, and what it awaits then never comes. Its clock may be wrong; how long it
 * sleeps is not.
 */
import type { Scheduler } from './scheduler.ts'

export class Process {
  readonly name: string
  alive = true
  /** How wrong its clock is. */
  skewMs: number
  readonly #scheduler: Scheduler

  constructor(name: string, scheduler: Scheduler, skewMs = 0) {
    this.name = name
    this.skewMs = skewMs
    this.#scheduler = scheduler
  }

  now(): number {
    return this.#scheduler.now() + this.skewMs
  }

  /** Milliseconds since some moment, never wrong. */
  monotonic(): number {
    return this.#scheduler.now()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#scheduler.sleep(ms, signal)
    await this.whileAlive()
  }

  after(ms: number, run: () => void): () => void {
    return this.#scheduler.after(ms, () => {
      if (this.alive) run()
    })
  }

  soon(run: () => void): void {
    this.#scheduler.soon(() => {
      if (this.alive) run()
    })
  }

  /** A turn later, if it still lives then. */
  async turn(): Promise<void> {
    await this.whileAlive()
    await this.#scheduler.turn()
    await this.whileAlive()
  }

  async whileAlive(): Promise<void> {
    if (!this.alive) await new Promise(() => {})
  }
}
