/**
 * Keeps a sink equal to a collection of the API server: LIST in pages, then WATCH from the list's resource version, for ever. Whatever
 * the server or the network does (410 in both forms, 429, 5xx, resets, silence, garbage), it goes on after a jittered pause; what was
 * missed in between is made good by resuming from the last version seen, or by a new LIST. Nothing it does rejects unseen.
 *
 * The sink is told within one turn of each thing that happened, in order. The version advances after the sink has taken the event.
 */
import { ApiError, isGone } from '../client/api-error.ts'
import { DEFAULT_INACTIVITY_MS, type KubeClient, PAGE_SIZE } from '../client/kube-client.ts'
import type { KubeObject, ResourceType, WatchEvent } from '../client/objects.ts'
import type { Clock } from '../clock.ts'

export interface Sink<T> {
  replaced(items: readonly T[], resourceVersion: string): void
  happened(event: WatchEvent<T>): void
}

export interface ReflectorTimes {
  /** The server ends a watch after a random time between these, so that not all clients come back at once. */
  readonly watchMinSeconds: number
  readonly watchMaxSeconds: number
  /** A watch without a byte for so long is dead. */
  readonly inactivityMs: number
  readonly baseBackoffMs: number
  readonly maxBackoffMs: number
  /** Limit of each LIST page, and of opening a watch. */
  readonly requestMs: number
}

const DEFAULT_TIMES: ReflectorTimes = {
  watchMinSeconds: 300,
  watchMaxSeconds: 600,
  inactivityMs: DEFAULT_INACTIVITY_MS,
  baseBackoffMs: 200,
  maxBackoffMs: 30_000,
  requestMs: 30_000,
}

/** After so many failures in a row it begins anew with a LIST: perhaps something between here and there cannot be resumed. */
const FAILURES_BEFORE_LIST = 5
/** A watch that lasted so long was a good one: its end is no failure. */
const GOOD_WATCH_MS = 5_000

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly type: ResourceType<T>
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly sink: Sink<T>
  /** Of each object as soon as it is read, so that what nobody reads is not even kept until the last page. */
  readonly trim: (object: T) => T
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly onError: (error: unknown, retryAfterMs: number) => void
  readonly times?: Partial<ReflectorTimes>
}

export interface ReflectorHealth {
  /** A watch is open. */
  readonly watching: boolean
  /** Time of the last sign of life: a page, an opened watch, an event, a bookmark. Undefined before the first. */
  readonly lastActivityMs: number | undefined
  readonly lastError: string | undefined
}

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  readonly #times: ReflectorTimes
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  /** Where to resume; undefined asks for a LIST. */
  #resourceVersion: string | undefined
  #pageSize = PAGE_SIZE
  #failures = 0
  #health: ReflectorHealth = { watching: false, lastActivityMs: undefined, lastError: undefined }
  /** Those who wait for a LIST that begins after they asked. */
  #refreshers: { resolve(): void; reject(error: unknown): void }[] = []
  /** Ends the present watch or pause. */
  #interrupt: (() => void) | undefined

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#times = { ...DEFAULT_TIMES, ...options.times }
  }

  get health(): ReflectorHealth {
    return this.#health
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves when the sink has the result of a LIST that began after this call. Rejects when the reflector is stopped. */
  refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason)
    return new Promise((resolve, reject) => {
      this.#refreshers.push({ resolve, reject })
      this.#interrupt?.()
    })
  }

  /** Ends it, wherever it is; resolves when nothing more will reach the sink. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error(`the reflector of ${this.#options.type.plural} was stopped`))
    this.#interrupt?.()
    await this.#running
    for (const waiting of this.#refreshers.splice(0)) waiting.reject(this.#stop.signal.reason)
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let pauseMs = 0
      try {
        if (this.#resourceVersion === undefined || this.#refreshers.length > 0) await this.#list()
        pauseMs = (await this.#watch()) ? 0 : this.#backoffMs()
      } catch (error) {
        pauseMs = this.#afterError(error)
      }
      if (pauseMs > 0) await this.#pause(pauseMs)
    }
  }

  /** @returns how long to wait before going on. */
  #afterError(error: unknown): number {
    if (this.#stop.signal.aborted) return 0
    this.#note({ watching: false, lastError: error instanceof Error ? error.message : String(error) })
    if (isGone(error) || this.#failures >= FAILURES_BEFORE_LIST) this.#resourceVersion = undefined
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
    const pauseMs = Math.max(asked, this.#backoffMs())
    this.#options.onError(error, pauseMs)
    return pauseMs
  }

  #backoffMs(): number {
    const { baseBackoffMs, maxBackoffMs } = this.#times
    const limitMs = Math.min(maxBackoffMs, baseBackoffMs * 2 ** Math.min(this.#failures++, 20))
    return limitMs * (0.5 + this.#options.random() / 2)
  }

  async #list(): Promise<void> {
    const { client, type, namespace, labelSelector, fieldSelector, sink, trim } = this.#options
    const waiting = this.#refreshers.splice(0)
    try {
      const items: T[] = []
      let continueToken: string | undefined
      let resourceVersion: string
      do {
        const page = await client.listPage(type, {
          ...{ namespace, labelSelector, fieldSelector, limit: this.#pageSize, signal: this.#stop.signal },
          timeoutMs: this.#times.requestMs,
          ...(continueToken !== undefined && { continueToken }),
        })
        for (const item of page.items) items.push(trim(item))
        ;({ resourceVersion, continueToken } = page)
        this.#note({ lastActivityMs: this.#options.clock.now() })
      } while (continueToken !== undefined)
      this.#stop.signal.throwIfAborted()
      this.#pageSize = PAGE_SIZE
      sink.replaced(items, resourceVersion)
      this.#resourceVersion = resourceVersion
      for (const one of waiting) one.resolve()
    } catch (error) {
      this.#refreshers.unshift(...waiting)
      // The list changed faster than we could read its pages: next time all at once.
      if (isGone(error)) this.#pageSize = 0
      throw error
    }
  }

  /** @returns whether it was a good watch: one that delivered something or lasted. Its end was the server's, or asked for. */
  async #watch(): Promise<boolean> {
    const { client, type, namespace, labelSelector, fieldSelector, sink, trim, clock, random } = this.#options
    const { watchMinSeconds, watchMaxSeconds, inactivityMs, requestMs } = this.#times
    const interrupt = new AbortController()
    this.#interrupt = () => interrupt.abort()
    const sinceMs = clock.now()
    let delivered = false
    try {
      if (this.#stop.signal.aborted || this.#refreshers.length > 0) return true
      const events = client.watch(type, {
        ...{ namespace, labelSelector, fieldSelector, inactivityMs, timeoutMs: requestMs, signal: interrupt.signal },
        resourceVersion: this.#resourceVersion as string,
        timeoutSeconds: Math.round(watchMinSeconds + random() * (watchMaxSeconds - watchMinSeconds)),
        onOpen: () => this.#note({ watching: true, lastActivityMs: clock.now(), lastError: undefined }),
      })
      for await (const event of events) {
        if (interrupt.signal.aborted) return true
        delivered = true
        this.#failures = 0
        sink.happened(event.type === 'BOOKMARK' ? event : { type: event.type, object: trim(event.object) })
        this.#resourceVersion = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion
        this.#note({ lastActivityMs: clock.now() })
      }
    } catch (error) {
      if (interrupt.signal.aborted) return true
      throw error
    } finally {
      this.#interrupt = undefined
      this.#note({ watching: false })
    }
    const good = delivered || clock.now() - sinceMs >= GOOD_WATCH_MS
    if (good) this.#failures = 0
    return good
  }

  #note(news: Partial<ReflectorHealth>): void {
    this.#health = { ...this.#health, ...news }
  }

  /** Until a refresh is asked for or it is stopped, at most. */
  #pause(ms: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, () => this.#interrupt?.())
      this.#interrupt = () => {
        cancel()
        this.#interrupt = undefined
        resolve()
      }
    })
  }
}
