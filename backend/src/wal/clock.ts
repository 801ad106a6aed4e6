/** Time as the log needs it; given by whoever builds the process, so that a simulation can run the log. */
export interface WalClock {
  nowMs(): number
  /** Runs `run` once, later; the returned function cancels it. Must not keep the process alive. */
  after(delayMs: number, run: () => void): () => void
}
