/**
 * The objects of one type in memory, kept equal to the API server by reflectors (one for each namespace, or one for all) and never older
 * than our own writes. Objects are shared: whoever reads one must not change it.
 *
 * `onChange` handlers are told of each change of what `get` returns, and at first of all that is there. One that throws is contained,
 * counted and reported; the others and the cache go on.
 */
import { DEFAULT_INACTIVITY_MS, type KubeClient } from '../client/kube-client.ts'
import { type KubeObject, keyOf, type ObjectRef, type ResourceType, refOf } from '../client/objects.ts'
import type { Clock } from '../clock.ts'
import { type Change, ObjectStore } from './object-store.ts'
import { Reflector, type ReflectorTimes } from './reflector.ts'

export interface CacheOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly type: ResourceType<T>
  /** Default: all of them, which needs a ClusterRole. */
  readonly namespaces?: readonly string[] | undefined
  /** Only objects with all of these labels. */
  readonly labels?: Readonly<Record<string, string>>
  /** Takes away what nobody reads, to save memory. Default: `metadata.managedFields`. */
  readonly trim?: (object: T) => T
  readonly clock: Clock
  readonly random: () => number
  /** What went wrong and is being dealt with: for the log. */
  readonly onError: (doing: string, error: unknown) => void
  readonly times?: Partial<ReflectorTimes>
}

/** So long may a cache be without an open watch before it counts as stale. */
const STALE_AFTER_MS = 60_000

export class Cache<T extends KubeObject> {
  readonly type: ResourceType<T>
  readonly #options: CacheOptions<T>
  readonly #store: ObjectStore<T>
  readonly #reflectors: Reflector<T>[]
  readonly #unsynced: Set<string | undefined>
  readonly #handlers = new Set<(change: Change<T>) => void>()
  readonly #synced = Promise.withResolvers<void>()
  readonly #startedMs: number
  readonly #unsubscribe: () => void
  #handlerErrors = 0

  constructor(options: CacheOptions<T>) {
    const { type, client, labels = {}, clock, trim = withoutManagedFields } = options
    this.type = type
    this.#options = options
    this.#startedMs = clock.now()
    const namespaces: readonly (string | undefined)[] = options.namespaces ?? [undefined]
    this.#unsynced = new Set(namespaces)
    this.#store = new ObjectStore<T>({
      nowMs: () => clock.now(),
      trim,
      covers: (object) => hasLabels(object, labels),
    })
    const labelSelector = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
    this.#reflectors = namespaces.map(
      (namespace) =>
        new Reflector<T>({
          ...{ client, type, namespace, clock, trim, random: options.random },
          ...(labelSelector.length > 0 && { labelSelector: labelSelector.join(',') }),
          ...(options.times && { times: options.times }),
          sink: {
            replaced: (items, resourceVersion) => {
              this.#announce(this.#store.replace(namespace, items, resourceVersion))
              this.#unsynced.delete(namespace)
              if (this.#unsynced.size === 0) this.#synced.resolve()
            },
            happened: (event) => this.#announce(this.#store.apply(namespace, event)),
          },
          onError: (error, retryAfterMs) =>
            options.onError(`keeping ${type.plural} up to date, trying again in ${Math.round(retryAfterMs)} ms`, error),
        }),
    )
    this.#unsubscribe = client.onWritten((writtenType, written) => {
      if (writtenType.group !== type.group || writtenType.plural !== type.plural) return
      const { namespace } = written.kind === 'stored' ? written.object.metadata : written.ref
      if (namespaces.includes(undefined) || namespaces.includes(namespace)) this.#announce(this.#store.wrote(written))
    })
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start()
  }

  /** Ends its watches. What it knows stays readable. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
  }

  /** Resolves when each namespace has been listed once. */
  synced(): Promise<void> {
    return this.#synced.promise
  }

  get hasSynced(): boolean {
    return this.#unsynced.size === 0
  }

  /** Resolves when the cache has seen everything that was written, by whomever, before this call. */
  async refresh(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.refresh()))
  }

  get(ref: ObjectRef | string): T | undefined {
    return this.#store.get(typeof ref === 'string' ? refOf(ref) : ref)
  }

  /** In no order. */
  list(where: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> } = {}): T[] {
    const objects = this.#store.list(where.namespace)
    const { labels } = where
    return labels ? objects.filter((object) => hasLabels(object, labels)) : objects
  }

  /** @returns a function that ends it. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler)
    for (const object of this.#store.list()) this.#tell(handler, { key: keyOf(object.metadata), old: undefined, new: object })
    return () => this.#handlers.delete(handler)
  }

  /** Exceptions of handlers so far. */
  get handlerErrors(): number {
    return this.#handlerErrors
  }

  /** @returns why what it holds may be out of date, or undefined. */
  stale(staleAfterMs = STALE_AFTER_MS): string | undefined {
    const { plural } = this.type
    const nowMs = this.#options.clock.now()
    for (const [index, { health }] of this.#reflectors.entries()) {
      const namespace = this.#options.namespaces?.[index]
      const where = namespace === undefined ? '' : ` in namespace ${namespace}`
      const why = health.lastError === undefined ? '' : `: ${health.lastError}`
      if (this.#unsynced.has(namespace)) return `${plural}${where} are not listed yet${why}`
      const silentMs = nowMs - (health.lastActivityMs ?? this.#startedMs)
      // An open watch may be silent until the next bookmark; the reflector ends one that is silent for longer.
      const limitMs = health.watching ? (this.#options.times?.inactivityMs ?? DEFAULT_INACTIVITY_MS) : staleAfterMs
      if (silentMs > limitMs) return `${plural}${where} are out of date since ${Math.round(silentMs / 1000)} s${why}`
    }
    return undefined
  }

  #announce(changes: readonly Change<T>[]): void {
    for (const change of changes) for (const handler of this.#handlers) this.#tell(handler, change)
  }

  #tell(handler: (change: Change<T>) => void, change: Change<T>): void {
    try {
      handler(change)
    } catch (error) {
      this.#handlerErrors++
      this.#options.onError(`handling a change of ${this.type.plural} ${change.key}`, error)
    }
  }
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!object.metadata.managedFields) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

function hasLabels(object: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([name, value]) => object.metadata.labels?.[name] === value)
}
