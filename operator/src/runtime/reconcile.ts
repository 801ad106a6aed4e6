/**
 * The contract of a reconciler. It is *level-based*: it is told which key may need work, never what happened, and looks at the whole
 * state each time. So lost, repeated and merged wake-ups do no harm, and a successor needs nothing but the state.
 *
 * - Never runs twice at once for one key; different keys run concurrently.
 * - `done`: nothing more to do until something wakes the key.
 * - `requeueAfterMs`: wake the key again after that time (sooner, if something else does). Resets the back-off.
 * - A thrown error: try again with exponential back-off for this key.
 * - A thrown `TerminalError`: trying again would not help; the key rests until something wakes it.
 * - A thrown `Outdated`: what was decided is not done; look again, soon. No error, since somebody else was merely faster.
 */
export type ReconcileResult = { readonly kind: 'done' } | { readonly kind: 'requeue'; readonly afterMs: number }

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>

/** Says that a retry is pointless until the state changes. */
export class TerminalError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'TerminalError'
  }
}

/** What was looked at has changed since, and the write that was made from it was refused: nothing follows from it. */
export class Outdated extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Outdated'
  }
}
