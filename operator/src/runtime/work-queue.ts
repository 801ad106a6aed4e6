/**
 * A keyed work queue: a key waits at most once however often it is added, is never processed twice at once, and what arrives while it
 * is processed leads to one more run. Failures back off per key. Knows nothing of what a key means.
 */
import type { Clock } from './clock.ts'
import { Outdated, type Reconcile, TerminalError } from './reconcile.ts'

/** First delay after a failure, and the longest: quick for a passing error, gentle to a server that is down for hours. */
export const BASE_BACKOFF_MS = 5
export const MAX_BACKOFF_MS = 1_000_000
/** Longest delay after a look at what had changed: by then a cache that works has the change, and it may wake nobody. */
export const MAX_OUTDATED_MS = 1_000
/** Different keys processed at once. */
export const DEFAULT_CONCURRENCY = 4

export interface WorkQueueOptions {
  readonly reconcile: Reconcile
  readonly clock: Clock
  readonly concurrency?: number
  readonly onError: (key: string, error: unknown, retryAfterMs: number | undefined) => void
  readonly observer?: QueueObserver
}

export type RunResult = 'success' | 'requeue_after' | 'error' | 'terminal_error'

/** Told of each step of a key, for metrics. Must not throw. */
export interface QueueObserver {
  added(): void
  started(waitedMs: number): void
  ended(ranMs: number, result: RunResult, error: unknown): void
  retried(): void
}

export interface QueueCounters {
  readonly adds: number
  readonly runs: number
  readonly errors: number
  readonly retries: number
}

interface Timer {
  readonly atMs: number
  readonly cancel: () => void
}

export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #concurrency: number
  /** Since when each key waits. Insertion order is the order of work. */
  readonly #waiting = new Map<string, number>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #startedMs = new Map<string, number>()
  /** Keys that were added while they ran. */
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, Timer>()
  readonly #failures = new Map<string, number>()
  readonly #stop = new AbortController()
  #counters = { adds: 0, runs: 0, errors: 0, retries: 0 }

  constructor(options: WorkQueueOptions) {
    this.#options = options
    this.#concurrency = options.concurrency ?? DEFAULT_CONCURRENCY
  }

  get depth(): number {
    return this.#waiting.size
  }

  /** Keys that run, and since when: what is not finished, and what may be stuck. */
  get running(): ReadonlyMap<string, number> {
    return this.#startedMs
  }

  get counters(): QueueCounters {
    return { ...this.#counters }
  }

  add(key: string): void {
    if (this.#stop.signal.aborted) return
    this.#counters.adds++
    this.#options.observer?.added()
    this.#cancelTimer(key)
    if (this.#running.has(key)) this.#again.add(key)
    else {
      this.#wait(key)
      this.#fill()
    }
  }

  /** Wakes the key after `afterMs`; of several such requests the earliest stands. */
  addAfter(key: string, afterMs: number): void {
    if (this.#stop.signal.aborted) return
    if (afterMs <= 0) {
      this.add(key)
      return
    }
    const atMs = this.#options.clock.now() + afterMs
    const present = this.#timers.get(key)
    if (present && present.atMs <= atMs) return
    present?.cancel()
    const cancel = this.#options.clock.after(afterMs, () => {
      this.#timers.delete(key)
      this.add(key)
    })
    this.#timers.set(key, { atMs, cancel })
  }

  /** Takes no more work, tells what runs to stop at a safe point, and resolves when it has. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#waiting.clear()
    this.#again.clear()
    for (const key of [...this.#timers.keys()]) this.#cancelTimer(key)
    await Promise.all(this.#running.values())
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  #wait(key: string): void {
    if (!this.#waiting.has(key)) this.#waiting.set(key, this.#options.clock.now())
  }

  #fill(): void {
    for (const [key, sinceMs] of this.#waiting) {
      if (this.#running.size >= this.#concurrency) return
      this.#waiting.delete(key)
      const nowMs = this.#options.clock.now()
      this.#startedMs.set(key, nowMs)
      this.#options.observer?.started(nowMs - sinceMs)
      this.#running.set(key, this.#run(key))
    }
  }

  async #run(key: string): Promise<void> {
    this.#counters.runs++
    // Off the caller's stack: adding a key never runs its work.
    await Promise.resolve()
    const ended = (result: RunResult, error?: unknown) =>
      this.#options.observer?.ended(this.#options.clock.now() - (this.#startedMs.get(key) as number), result, error)
    try {
      const result = await this.#options.reconcile(key, this.#stop.signal)
      this.#failures.delete(key)
      ended(result.kind === 'requeue' ? 'requeue_after' : 'success')
      if (result.kind === 'requeue') this.addAfter(key, result.afterMs)
    } catch (error) {
      if (error instanceof Outdated) {
        ended('requeue_after')
        this.addAfter(key, Math.min(MAX_OUTDATED_MS, this.#backoffMs(key)))
      } else {
        ended(error instanceof TerminalError ? 'terminal_error' : 'error', error)
        this.#failed(key, error)
      }
    } finally {
      this.#running.delete(key)
      this.#startedMs.delete(key)
      if (this.#again.delete(key)) {
        this.#cancelTimer(key)
        this.#wait(key)
      }
      if (!this.#stop.signal.aborted) this.#fill()
    }
  }

  #failed(key: string, error: unknown): void {
    this.#counters.errors++
    if (error instanceof TerminalError) {
      this.#failures.delete(key)
      this.#options.onError(key, error, undefined)
      return
    }
    const delayMs = Math.max(this.#backoffMs(key), askedToWaitMs(error))
    this.#counters.retries++
    this.#options.observer?.retried()
    this.#options.onError(key, error, delayMs)
    this.addAfter(key, delayMs)
  }

  /** Longer each time, until the key succeeds. */
  #backoffMs(key: string): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    return Math.min(MAX_BACKOFF_MS, BASE_BACKOFF_MS * 2 ** Math.min(failures, 30))
  }
}

/** An error may know how long a retry is pointless, as a server's Retry-After does. */
function askedToWaitMs(error: unknown): number {
  const asked = error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : 0
  return asked > 0 ? Math.min(asked, MAX_BACKOFF_MS) : 0
}
