/** Waits for what a cluster will sooner or later show; a deadline that passes says what was seen last. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Each look may be a kubectl of its own, which costs a tenth of a second of a processor. */
const POLL_MS = 500

/** What is waited for will never be. */
export class Hopeless extends Error {}

/**
 * `look` answers the thing once it is as wanted, and undefined or a sentence about what is missing before. Errors count as missing, except
 * Hopeless, which ends the waiting.
 */
export async function until<T extends object>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | string | undefined>,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs
  for (let last = 'nothing yet'; ; await sleep(POLL_MS)) {
    try {
      const seen = await look()
      if (typeof seen === 'object') return seen
      last = seen ?? last
    } catch (error) {
      if (error instanceof Hopeless) throw error
      last = (error as Error).message
    }
    if (Date.now() > deadlineMs) throw new Error(`not within ${Math.round(timeoutMs / 1000)} s: ${what}; last seen: ${last}`)
  }
}
