/** Time as the parts of a pod need it; given by whoever builds the process, so that a simulation can run them. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number
  /** Runs `run` once, later; the returned function cancels it. Must not keep the process alive. */
  after(delayMs: number, run: () => void): () => void
  /** Runs `run` after this turn of the event loop. */
  soon(run: () => void): void
}
