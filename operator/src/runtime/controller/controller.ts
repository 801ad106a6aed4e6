/**
 * Wires caches to a reconciler: a change of an object wakes its key, a change of what it owns (or of anything a mapping leads to it)
 * wakes it too, a work queue calls the reconciler.
 *
 * - Nothing is reconciled before all caches hold what the API server had when `start` was called: a standby's caches are warm, but may
 *   lag behind the last writes of the leader before it.
 * - While it is not started nothing is remembered; `start` wakes every key that the caches lead to.
 * - An exception of the reconciler is contained, counted and retried (reconcile.ts); exceptions of mappings are the caches' to contain.
 */
import type { Cache } from '../cache/cache.ts'
import type { Change } from '../cache/object-store.ts'
import { type KubeObject, keyOf } from '../client/objects.ts'
import type { Clock } from '../clock.ts'
import { ownerKeys } from '../owner-references.ts'
import type { Reconcile } from '../reconcile.ts'
import { DEFAULT_CONCURRENCY, type QueueObserver, WorkQueue } from '../work-queue.ts'

/** Longest wait for the caches; beyond it something is wrong that a restart or a person must mend. */
export const SYNC_LIMIT_MS = 120_000

export interface ControllerOptions<T extends KubeObject> {
  readonly name: string
  readonly cache: Cache<T>
  readonly reconcile: Reconcile
  /** Which changes of the object itself wake it. Default: all. */
  readonly when?: (change: Change<T>) => boolean
  readonly clock: Clock
  readonly concurrency?: number
  readonly syncLimitMs?: number
  readonly onError: (doing: string, error: unknown) => void
  readonly observer?: QueueObserver
}

interface Source {
  readonly cache: Cache<KubeObject>
  /** Calls `wake` now for all that is there, and for each change until the returned function is called. */
  readonly follow: (wake: (key: string) => void) => () => void
}

export class Controller<T extends KubeObject> {
  readonly name: string
  readonly concurrency: number
  readonly #options: ControllerOptions<T>
  readonly #sources: Source[] = []
  #queue: WorkQueue | undefined
  #unfollow: (() => void)[] = []

  constructor(options: ControllerOptions<T>) {
    this.name = options.name
    this.concurrency = options.concurrency ?? DEFAULT_CONCURRENCY
    this.#options = options
    this.#follow(options.cache, (object) => [keyOf(object.metadata)], options.when)
  }

  /** A change of an object that one of ours owns wakes the owner. */
  owns<U extends KubeObject>(cache: Cache<U>): this {
    return this.watches(cache, (object) => ownerKeys(this.#options.cache.type, object))
  }

  /** A change, of those that `when` (default: all) lets through, wakes the keys that the object leads to, before and after. */
  watches<U extends KubeObject>(
    cache: Cache<U>,
    keysOf: (object: U) => readonly string[],
    when?: (change: Change<U>) => boolean,
  ): this {
    this.#follow(cache, keysOf, when)
    return this
  }

  /** What its sources read, e.g. for readiness. */
  get caches(): readonly Cache<KubeObject>[] {
    return [...new Set(this.#sources.map((source) => source.cache))]
  }

  get depth(): number {
    return this.#queue?.depth ?? 0
  }

  get running(): ReadonlyMap<string, number> {
    return this.#queue?.running ?? new Map()
  }

  /** Wakes a key for a reason that no cache sees, e.g. a measurement that is due. Lost while not started. */
  wake(key: string, afterMs = 0): void {
    this.#queue?.addAfter(key, afterMs)
  }

  /**
   * Begins to reconcile, once the caches are up to date.
   * @throws Error if they are not within the limit; or the signal's reason.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { reconcile, clock, onError, observer, syncLimitMs = SYNC_LIMIT_MS } = this.#options
    await Promise.all(this.caches.map((cache) => upToDate(cache, clock, syncLimitMs, signal)))
    signal.throwIfAborted()
    this.#queue = new WorkQueue({
      ...{ reconcile, clock, concurrency: this.concurrency },
      ...(observer && { observer }),
      onError: (key, error, retryAfterMs) =>
        onError(
          `${this.name}: reconciling ${key}, ${retryAfterMs === undefined ? 'resting until it changes' : `again in ${retryAfterMs} ms`}`,
          error,
        ),
    })
    const queue = this.#queue
    this.#unfollow = this.#sources.map((source) => source.follow((key) => queue.add(key)))
  }

  /** Starts, and stops when the signal aborts: a leader's work. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.start(signal)
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await this.stop()
    }
  }

  /** Takes no more work, tells what runs to stop, and resolves when it has. May be started again. */
  async stop(): Promise<void> {
    for (const unfollow of this.#unfollow.splice(0)) unfollow()
    await this.#queue?.stop()
    this.#queue = undefined
  }

  #follow<U extends KubeObject>(
    cache: Cache<U>,
    keysOf: (object: U) => readonly string[],
    when?: (change: Change<U>) => boolean,
  ) {
    this.#sources.push({
      cache: cache as unknown as Cache<KubeObject>,
      follow: (wake) =>
        cache.onChange((change) => {
          if (when && !when(change)) return
          const keys = [change.old, change.new].flatMap((object) => (object ? keysOf(object) : []))
          for (const key of new Set(keys)) wake(key)
        }),
    })
  }
}

function upToDate(cache: Cache<KubeObject>, clock: Clock, limitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      cancel()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason))
    const cancel = clock.after(limitMs, () =>
      end(() => reject(new Error(`the caches are not up to date after ${limitMs} ms: ${cache.stale() ?? cache.type.plural}`))),
    )
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    cache.refresh().then(
      () => end(resolve),
      (error) => end(() => reject(error)),
    )
  })
}
