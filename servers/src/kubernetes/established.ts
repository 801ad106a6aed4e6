/** Waits until an API server serves the kinds of CustomResourceDefinitions that it was given. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000
const AGAIN_AFTER_MS = 200

/**
 * @param which what `kubectl wait` takes: `-f` and a folder, or `crd/NAME`
 * `kubectl wait` fails at once where a definition has no conditions yet, as in its first moments; only that is tried again.
 */
export async function established(kubectl: (...args: string[]) => Promise<unknown>, ...which: string[]): Promise<void> {
  const deadlineMs = Date.now() + LIMIT_MS
  for (;;) {
    try {
      await kubectl('wait', '--for=condition=Established', `--timeout=${LIMIT_MS / 1000}s`, ...which)
      return
    } catch (error) {
      if (!(error as Error).message.includes('conditions accessor error') || Date.now() > deadlineMs) throw error
      await sleep(AGAIN_AFTER_MS)
    }
  }
}
