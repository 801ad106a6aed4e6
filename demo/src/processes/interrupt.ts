/**
 * Ctrl-C and its like. The first one is an order to stop in an orderly way; a second one, given later by a person who has lost patience,
 * ends the process at once (the reaper ends the rest). A terminal, npm and a wrapper may each deliver the same one: repeats within a
 * second are one.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const REPEAT_MS = 1000
const EXIT_INTERRUPTED = 130

export interface Interrupt {
  readonly caught: boolean
  /** Resolves at the next one; also when there was one already. */
  next(): Promise<void>
  /** From now on signals do what they do by default. */
  release(): void
}

export function onInterrupt(stop: (signal: NodeJS.Signals) => void): Interrupt {
  let firstAtMs: number | undefined
  const caught = Promise.withResolvers<void>()
  const listen = (signal: NodeJS.Signals) => {
    if (firstAtMs === undefined) {
      firstAtMs = performance.now()
      caught.resolve()
      stop(signal)
    } else if (performance.now() - firstAtMs > REPEAT_MS) {
      process.stderr.write('\x1b[?25h')
      process.exit(EXIT_INTERRUPTED)
    }
  }
  for (const signal of SIGNALS) process.on(signal, listen)
  return {
    get caught() {
      return firstAtMs !== undefined
    },
    next: () => caught.promise,
    release() {
      for (const signal of SIGNALS) process.off(signal, listen)
    },
  }
}
