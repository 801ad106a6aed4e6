/**
 * Gives memory back when there is nothing to do. V8 cleans its heap when somebody allocates, and whoever is at rest does not: what lists and
 * a day's work left behind would stay. Cleaning all the time instead (`--optimize-for-size`, a small `--heap-growing-percent`) took
 * two fifths of the processor time of an operator with migrations under way.
 */
import type { Clock } from './clock.ts'

export interface MemoryOptions {
  readonly clock: Clock
  readonly atRest: () => boolean
  readonly heapBytes: () => number
  /** All of it, at once; some 50 ms for a thousand custom resources. */
  readonly clean: () => void
}

const LOOK_EVERY_MS = 20_000
/** Less than this is not worth the pause. */
const GROWN_BYTES = 8 * 1_048_576

/** @returns a function that ends it. */
export function cleanAtRest({ clock, atRest, heapBytes, clean }: MemoryOptions): () => void {
  let cleanedBytes = 0
  let cancel = () => {}
  const look = () => {
    if (atRest() && heapBytes() > cleanedBytes + GROWN_BYTES) {
      clean()
      cleanedBytes = heapBytes()
    }
    cancel = clock.after(LOOK_EVERY_MS, look)
  }
  cancel = clock.after(LOOK_EVERY_MS, look)
  return () => cancel()
}
