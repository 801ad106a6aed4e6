/**
 * What a cache knows: the objects that LIST and WATCH delivered, and over them what we wrote ourselves and have not yet seen come
 * back. A reader never sees a state older than its own last write (a watch may lag behind by seconds). Pure: each input returns the
 * changes of the visible state.
 *
 * A written state is laid aside once the stream is as new: an event or bookmark of resource version R says that everything up to R has
 * been delivered. A deletion has no version of its own in the answer; it is laid aside when the stream deletes or replaces the object.
 */

import type { Written } from '../client/kube-client.ts'
import { type KubeObject, keyOf, type ObjectRef, type WatchEvent } from '../client/objects.ts'
import { isAsNew } from './resource-version.ts'

export interface Change<T> {
  readonly key: string
  readonly old: T | undefined
  readonly new: T | undefined
}

/** After this time without a sign of it in the stream, our deletion is taken to have been undone in a way we did not see. */
const DELETION_MEMORY_MS = 120_000

interface OwnWrite<T> {
  readonly object: T | undefined
  /** Undefined for a deletion. */
  readonly resourceVersion: string | undefined
  readonly uid: string | undefined
  readonly atMs: number
}

export interface ObjectStoreOptions<T> {
  readonly nowMs: () => number
  /** Of our own writes; what is delivered has been trimmed. */
  readonly trim: (object: T) => T
  /** Whether the object belongs into this store; an own write that leaves it counts as removed. */
  readonly covers: (object: T) => boolean
}

export class ObjectStore<T extends KubeObject> {
  readonly #options: ObjectStoreOptions<T>
  /** namespace -> key -> object. */
  readonly #delivered = new Map<string, Map<string, T>>()
  readonly #own = new Map<string, OwnWrite<T>>()

  constructor(options: ObjectStoreOptions<T>) {
    this.#options = options
  }

  get(ref: ObjectRef): T | undefined {
    return this.#visible(ref.namespace ?? '', keyOf(ref))
  }

  /** In no order. */
  list(namespace?: string): T[] {
    const objects: T[] = []
    const spaces = namespace === undefined ? this.#delivered.values() : [this.#delivered.get(namespace) ?? new Map<string, T>()]
    for (const space of spaces) for (const [key, object] of space) if (!this.#own.has(key)) objects.push(object)
    for (const { object } of this.#own.values()) {
      if (object && (namespace === undefined || (object.metadata.namespace ?? '') === namespace)) objects.push(object)
    }
    return objects
  }

  /** The whole content of a namespace (of all, if undefined) at a resource version; what is not in it is gone. */
  replace(namespace: string | undefined, items: readonly T[], resourceVersion: string): Change<T>[] {
    const fresh = new Map(items.map((item) => [keyOf(item.metadata), item]))
    const present = namespace === undefined ? [...this.#delivered.keys()] : [namespace]
    const gone = present.flatMap((space) => [...(this.#delivered.get(space)?.entries() ?? [])].filter(([key]) => !fresh.has(key)))
    const changes = [
      ...gone.flatMap(([key, object]) => this.#deliver(object.metadata.namespace ?? '', key, undefined)),
      ...items.flatMap((item) => this.#deliver(item.metadata.namespace ?? '', keyOf(item.metadata), item)),
    ]
    return [...changes, ...this.#settle(namespace, resourceVersion)]
  }

  apply(namespace: string | undefined, event: WatchEvent<T>): Change<T>[] {
    if (event.type === 'BOOKMARK') return this.#settle(namespace, event.resourceVersion)
    const { object } = event
    const space = object.metadata.namespace ?? ''
    const key = keyOf(object.metadata)
    const changes = this.#deliver(space, key, event.type === 'DELETED' ? undefined : object)
    if (event.type === 'DELETED')
      changes.push(...this.#forget(key, (own) => own.object === undefined && own.uid === object.metadata.uid))
    changes.push(...this.#settle(namespace, object.metadata.resourceVersion as string))
    return changes
  }

  /** Takes what a write of ours left behind. */
  wrote(written: Written): Change<T>[] {
    const atMs = this.#options.nowMs()
    if (written.kind === 'deleted') return this.#gone(written.ref, written.uid, atMs)
    const object = written.object as T
    const { metadata } = object
    if (isLastSight(object)) return this.#gone(metadata, metadata.uid as string, atMs)
    const resourceVersion = metadata.resourceVersion as string
    const key = keyOf(metadata)
    const seen = this.#visible(metadata.namespace ?? '', key)?.metadata
    if (seen?.uid === metadata.uid && seen?.resourceVersion && isAsNew(seen.resourceVersion, resourceVersion)) return []
    const kept = this.#options.covers(object) ? this.#options.trim(object) : undefined
    return this.#overlay(metadata, { object: kept, resourceVersion, uid: metadata.uid, atMs })
  }

  #gone(ref: ObjectRef, uid: string, atMs: number): Change<T>[] {
    const seen = this.get(ref)
    if (!seen || seen.metadata.uid !== uid) return []
    return this.#overlay(ref, { object: undefined, resourceVersion: undefined, uid, atMs })
  }

  #overlay(ref: ObjectRef, own: OwnWrite<T>): Change<T>[] {
    return this.#change(ref.namespace ?? '', keyOf(ref), () => this.#own.set(keyOf(ref), own))
  }

  #deliver(space: string, key: string, object: T | undefined): Change<T>[] {
    return this.#change(space, key, () => {
      const objects = this.#delivered.get(space) ?? new Map<string, T>()
      this.#delivered.set(space, objects)
      if (object) objects.set(key, object)
      else objects.delete(key)
      if (objects.size === 0) this.#delivered.delete(space)
      const own = this.#own.get(key)
      // Ours is gone, and this is another object of the same name.
      if (object && own && own.object === undefined && own.resourceVersion === undefined && own.uid !== object.metadata.uid)
        this.#own.delete(key)
    })
  }

  /** Everything up to `resourceVersion` has been delivered in this namespace. */
  #settle(namespace: string | undefined, resourceVersion: string): Change<T>[] {
    const tooOldMs = this.#options.nowMs() - DELETION_MEMORY_MS
    return [...this.#own.keys()]
      .filter((key) => namespace === undefined || key.startsWith(`${namespace}/`))
      .flatMap((key) =>
        this.#forget(key, (own) => (own.resourceVersion ? isAsNew(resourceVersion, own.resourceVersion) : own.atMs < tooOldMs)),
      )
  }

  #forget(key: string, when: (own: OwnWrite<T>) => boolean): Change<T>[] {
    const own = this.#own.get(key)
    if (!own || !when(own)) return []
    const slash = key.indexOf('/')
    return this.#change(slash === -1 ? '' : key.slice(0, slash), key, () => this.#own.delete(key))
  }

  #visible(space: string, key: string): T | undefined {
    const own = this.#own.get(key)
    return own ? own.object : this.#delivered.get(space)?.get(key)
  }

  #change(space: string, key: string, mutate: () => void): Change<T>[] {
    const before = this.#visible(space, key)
    mutate()
    const after = this.#visible(space, key)
    const same =
      before?.metadata.uid === after?.metadata.uid && before?.metadata.resourceVersion === after?.metadata.resourceVersion
    return same ? [] : [{ key, old: before, new: after }]
  }
}

/** The answer to the write that removed the last finalizer of a deleted object is the last that is ever seen of it. */
function isLastSight({ metadata }: KubeObject & { metadata: { readonly deletionGracePeriodSeconds?: number } }): boolean {
  return metadata.deletionTimestamp !== undefined && !metadata.finalizers?.length && !metadata.deletionGracePeriodSeconds
}
