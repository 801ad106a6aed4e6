/** Ctrl-C ends a run at the next life, with what was seen so far; a second one ends it at once. */

const INTERRUPTED = 130

export function interruptible(): { readonly signal: AbortSignal; readonly done: () => void } {
  const stop = new AbortController()
  const onInterrupt = () => {
    if (stop.signal.aborted) process.exit(INTERRUPTED)
    stop.abort()
  }
  process.on('SIGINT', onInterrupt).on('SIGTERM', onInterrupt)
  return { signal: stop.signal, done: () => process.off('SIGINT', onInterrupt).off('SIGTERM', onInterrupt) }
}
