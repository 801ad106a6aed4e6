/**
 * Open-loop pacing: errands are due at fixed times whatever the answers take, as independent sources would send them. Each is handed its
 * due time, and latency counts from there, so a fleet that stalls shows it (a closed loop would politely wait and hide it).
 * What is due while too much is unanswered already is dropped and counted, never queued without bound.
 */

export interface PacerDeps {
  now(): number
  /** Calls `act` every `ms` until the returned function is called. */
  every(ms: number, act: () => void): () => void
}

export interface PacerOptions {
  readonly ratePerSecond: number
  readonly inFlightMax: number
  /** Errands in flight now. */
  inFlight(): number
  /** All errands of one tick, with their due times: they share one journal write. */
  send(dueAtMs: readonly number[]): void
}

/** Finer than this and timers dominate; coarser and requests come in clumps. */
const TICK_MS = 5

export class Pacer {
  held = 0
  readonly #options: PacerOptions
  readonly #deps: PacerDeps
  #stop: (() => void) | undefined

  constructor(options: PacerOptions, deps: PacerDeps) {
    this.#options = options
    this.#deps = deps
  }

  start(): void {
    const { ratePerSecond, inFlightMax, inFlight, send } = this.#options
    const startedAt = this.#deps.now()
    let made = 0
    this.#stop = this.#deps.every(TICK_MS, () => {
      const elapsed = this.#deps.now() - startedAt
      const due: number[] = []
      const room = inFlightMax - inFlight()
      for (; (made * 1000) / ratePerSecond <= elapsed; made++) {
        if (due.length < room) due.push(startedAt + (made * 1000) / ratePerSecond)
        else this.held++
      }
      if (due.length > 0) send(due)
    })
  }

  stop(): void {
    this.#stop?.()
    this.#stop = undefined
  }
}
