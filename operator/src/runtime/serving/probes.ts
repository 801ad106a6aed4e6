/**
 * `/healthz`: should this process be restarted? `/readyz`: does it know the present state of the world? Each is a list of named checks;
 * the answer names what fails and why. That there is an answer at all says that the event loop turns: a kubelet waits for one second.
 */
import type { Cache } from '../cache/cache.ts'
import type { KubeObject } from '../client/objects.ts'
import type { Clock } from '../clock.ts'
import { type Listening, type ListenOptions, listen } from './listen.ts'

export interface Check {
  readonly name: string
  /** @returns undefined if all is well. */
  readonly why: () => string | undefined
}

/** A reconciliation that runs for so long does not end any more. */
const STUCK_AFTER_MS = 600_000

export async function serveProbes(
  options: ListenOptions,
  checks: { readonly live: readonly Check[]; readonly ready: readonly Check[] },
): Promise<Listening> {
  return listen(options, (request) => {
    const path = request.url?.split('?', 1)[0]
    if (path === '/healthz' || path === '/livez') return outcome(checks.live)
    if (path === '/readyz') return outcome(checks.ready)
    return { status: 404, body: 'here are /healthz and /readyz\n' }
  })
}

function outcome(checks: readonly Check[]) {
  const results = checks.map(({ name, why }) => ({ name, why: why() }))
  const lines = results.map(({ name, why }) => (why === undefined ? `[+] ${name} ok` : `[-] ${name} failed: ${why}`))
  const status = results.every(({ why }) => why === undefined) ? 200 : 503
  return { status, body: [...lines, status === 200 ? 'ok' : 'failed', ''].join('\n') }
}

/** Red where a key has been worked on for longer than any work may take. */
export function queueMoves(
  controller: { readonly name: string; readonly running: ReadonlyMap<string, number> },
  clock: Clock,
  stuckAfterMs = STUCK_AFTER_MS,
): Check {
  return {
    name: `queue-${controller.name}`,
    why() {
      for (const [key, sinceMs] of controller.running) {
        const ranMs = clock.now() - sinceMs
        if (ranMs > stuckAfterMs) return `${key} has been worked on for ${Math.round(ranMs / 1000)} s`
      }
      return undefined
    },
  }
}

/** Red before the first list, and while the watch is dead. */
export function cacheIsCurrent<T extends KubeObject>(cache: Cache<T>, staleAfterMs?: number): Check {
  return { name: `cache-${cache.type.plural}`, why: () => cache.stale(staleAfterMs) }
}
