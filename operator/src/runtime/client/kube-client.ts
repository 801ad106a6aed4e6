/**
 * The API server, for any kind of object. What a call means is in its comment; all of them
 * - throw `ApiError` where the server refuses, `TransportError` where there was no whole answer (a write may have happened then);
 * - end within their time limit, and at once with the caller's signal (its reason is thrown);
 * - wait and repeat where the server says 429 with Retry-After, a few times.
 *
 * Writes tell `onWritten` what the server answered, before they return: caches use it so that a writer reads its own writes.
 */
import type { IncomingMessage } from 'node:http'
import { apiErrorOf, isNotFound, TransportError } from './api-error.ts'
import type { Connection } from './connection.ts'
import { apiVersionOf, type KubeObject, type ObjectList, type ObjectRef, type ResourceType, type WatchEvent } from './objects.ts'
import { collectionPath, objectPath, queryOf, type Subresource } from './paths.ts'
import { readWatch } from './read-watch.ts'
import { type Answer, type Call, type OnAnswer, Transport } from './transport.ts'

/** Objects a page: what client-go takes, and what fits into memory. */
export const PAGE_SIZE = 500
/** Repeats after 429, and the longest wait before one of them; beyond that the caller decides. */
const MAX_THROTTLED_REPEATS = 3
const MAX_THROTTLE_WAIT_MS = 10_000
/** Of the answer to a watch that is refused. */
const ERROR_BODY_MS = 5_000
const MAX_ERROR_BODY = 64 << 10
/** Bookmarks come about once a minute; a watch that is silent for two and a half of them is dead. */
export const DEFAULT_INACTIVITY_MS = 150_000

export interface KubeClientOptions {
  readonly connection: Connection
  /** Sent as User-Agent, e.g. `fractal-lba-operator`. */
  readonly userAgent: string
  /** Default field manager of writes. */
  readonly fieldManager: string
  readonly onAnswer?: OnAnswer
  /** Called before each write; throws to forbid it. For leaders: a deposed one does not write. */
  readonly beforeWrite?: () => void
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
}

export interface WriteOptions extends CallOptions {
  /** The server does everything but store it. */
  readonly dryRun?: boolean
  readonly fieldManager?: string
  readonly subresource?: Subresource
}

export interface ApplyOptions extends WriteOptions {
  /** Take fields that another manager owns. Default true, as controllers should. */
  readonly force?: boolean
}

export interface ListOptions extends CallOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string
  /** The server ends the watch after this time. */
  readonly timeoutSeconds: number
  readonly inactivityMs?: number
  /** The server has accepted the watch; events follow, or silence. */
  readonly onOpen?: () => void
}

export interface DeleteOptions extends CallOptions {
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagation?: 'Foreground' | 'Background' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly dryRun?: boolean
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test'
  readonly path: string
  readonly value?: unknown
}

/** What a write left behind: the object as stored, or that the object with this uid is gone. */
export type Written =
  | { readonly kind: 'stored'; readonly object: KubeObject }
  | { readonly kind: 'deleted'; readonly ref: ObjectRef; readonly uid: string }

export type OnWritten = (type: ResourceType, written: Written) => void

type Body = Omit<KubeObject, 'metadata'> & { readonly metadata: KubeObject['metadata'] }

export class KubeClient {
  readonly namespace: string
  readonly #transport: Transport
  readonly #options: KubeClientOptions
  readonly #onWritten: Set<OnWritten>

  constructor(options: KubeClientOptions, shared?: { transport: Transport; onWritten: Set<OnWritten> }) {
    this.#options = options
    this.namespace = options.connection.namespace
    this.#transport = shared?.transport ?? new Transport(options.connection, options.userAgent, options.onAnswer ?? (() => {}))
    this.#onWritten = shared?.onWritten ?? new Set()
  }

  /** The same connections and listeners, with a check before each write. */
  guarded(beforeWrite: () => void): KubeClient {
    return new KubeClient({ ...this.#options, beforeWrite }, { transport: this.#transport, onWritten: this.#onWritten })
  }

  /** @returns a function that ends it. */
  onWritten(listener: OnWritten): () => void {
    this.#onWritten.add(listener)
    return () => this.#onWritten.delete(listener)
  }

  close(): void {
    this.#transport.close()
  }

  /** @returns undefined where there is no such object. */
  async get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.#json<T>({ method: 'GET', path: objectPath(type, ref), ...options })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** One page (of `limit` objects, all if 0). A `continueToken` that has become too old is a 410. */
  async listPage<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions & { readonly limit?: number; readonly continueToken?: string } = {},
  ): Promise<ObjectList<T>> {
    const query = queryOf({
      limit: options.limit === 0 ? undefined : (options.limit ?? PAGE_SIZE),
      continue: options.continueToken,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    })
    const { signal, ...limits } = timesOf(options)
    const path = `${collectionPath(type, options.namespace)}${query}`
    const list = await this.#json<{ items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } }>({
      method: 'GET',
      path,
      signal,
      ...limits,
    })
    const resourceVersion = list.metadata?.resourceVersion
    if (typeof resourceVersion !== 'string') throw new TransportError(`GET ${path}`, 'the answer is not a list')
    const token = list.metadata?.continue
    return { items: list.items ?? [], resourceVersion, ...(token && { continueToken: token }) }
  }

  /** All pages, as of one moment. */
  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const items: T[] = []
    let page = await this.listPage(type, options)
    items.push(...page.items)
    while (page.continueToken !== undefined) {
      page = await this.listPage(type, { ...options, continueToken: page.continueToken })
      items.push(...page.items)
    }
    return { items, resourceVersion: page.resourceVersion }
  }

  /** Changes after `resourceVersion`, with bookmarks, until the server ends it. Errors are thrown by the iteration. */
  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>, void> {
    const query = queryOf({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    })
    const path = collectionPath(type, options.namespace)
    const doing = `watch ${path}`
    const { status, retryAfter, body } = await this.#transport.stream({
      method: 'GET',
      path: `${path}${query}`,
      ...timesOf(options),
    })
    const onAbort = () => body.destroy(new Error('aborted'))
    if (options.signal?.aborted) onAbort()
    options.signal?.addEventListener('abort', onAbort, { once: true })
    try {
      if (status !== 200) throw apiErrorOf(doing, status, await firstOf(body), retryAfter)
      options.onOpen?.()
      yield* readWatch<T>(body, doing, options.inactivityMs ?? DEFAULT_INACTIVITY_MS)
    } finally {
      options.signal?.removeEventListener('abort', onAbort)
      body.destroy()
    }
  }

  /** @throws ApiError 409 AlreadyExists. */
  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace } = object.metadata
    const path = options.subresource
      ? objectPath(type, object.metadata, options.subresource)
      : collectionPath(type, type.namespaced ? namespace : undefined)
    return this.#write(type, { method: 'POST', path, body: bodyOf(type, object) }, options)
  }

  /** Replaces the whole object. @throws ApiError 409 Conflict unless `metadata.resourceVersion` is the present one. */
  async replace<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(type, object.metadata, options.subresource)
    return this.#write(type, { method: 'PUT', path, body: bodyOf(type, object) }, options)
  }

  /**
   * Server-side apply: the object becomes so that it has exactly the given fields of ours; fields of other managers stay. Creates it
   * where it is not there. With `metadata.resourceVersion` given: 409 unless it is the present one.
   */
  async apply<T extends KubeObject>(type: ResourceType<T>, object: Partial<T> & Body, options: ApplyOptions = {}): Promise<T> {
    const path = objectPath(type, object.metadata, options.subresource)
    const call: WriteCall = { method: 'PATCH', path, body: bodyOf(type, object), contentType: 'application/apply-patch+yaml' }
    return this.#write(type, call, options, { force: String(options.force ?? true) })
  }

  /** RFC 7386. With `metadata.resourceVersion` in it: 409 unless it is the present one. */
  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: Readonly<Record<string, unknown>>,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(type, ref, options.subresource)
    return this.#write(
      type,
      { method: 'PATCH', path, body: JSON.stringify(patch), contentType: 'application/merge-patch+json' },
      options,
    )
  }

  /** RFC 6902. A `test` that fails is a 422; replacing `/metadata/resourceVersion` by another than the present one is a 409. */
  async jsonPatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(type, ref, options.subresource)
    return this.#write(
      type,
      { method: 'PATCH', path, body: JSON.stringify(operations), contentType: 'application/json-patch+json' },
      options,
    )
  }

  /** @returns false where there is no such object. @throws ApiError 409 where a precondition does not hold. */
  async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagation, gracePeriodSeconds, dryRun } = options
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...((uid || resourceVersion) && { preconditions: { uid, resourceVersion } }),
      ...(propagation && { propagationPolicy: propagation }),
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      ...(dryRun && { dryRun: ['All'] }),
    })
    let answer: KubeObject & { readonly details?: { readonly uid?: string } }
    try {
      const beforeSend = this.#options.beforeWrite
      answer = await this.#json({ method: 'DELETE', path: objectPath(type, ref), body, beforeSend, ...timesOf(options) })
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
    if (!dryRun) {
      // An object that waits for finalizers or grace comes back; what is gone comes back as a Status, or without a deletion time.
      const goneUid =
        answer.kind === 'Status' ? answer.details?.uid : answer.metadata?.deletionTimestamp ? undefined : answer.metadata?.uid
      if (goneUid) this.#tell(type, { kind: 'deleted', ref, uid: goneUid })
      else if (answer.metadata?.deletionTimestamp) this.#tell(type, { kind: 'stored', object: answer })
    }
    return true
  }

  async #write<T extends KubeObject>(
    type: ResourceType<T>,
    call: WriteCall,
    options: WriteOptions,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const query = queryOf({
      fieldManager: options.fieldManager ?? this.#options.fieldManager,
      dryRun: options.dryRun ? 'All' : undefined,
      ...extra,
    })
    const object = await this.#json<T>({
      ...call,
      path: `${call.path}${query}`,
      beforeSend: this.#options.beforeWrite,
      ...timesOf(options),
    })
    if (!options.dryRun && object.kind === type.kind) this.#tell(type, { kind: 'stored', object })
    return object
  }

  #tell(type: ResourceType, written: Written): void {
    for (const listener of this.#onWritten) listener(type, written)
  }

  async #json<T>(call: Call): Promise<T> {
    const doing = `${call.method} ${call.path.split('?', 1)[0]}`
    for (let repeats = 0; ; repeats++) {
      const answer = await this.#transport.send(call)
      if (answer.status >= 200 && answer.status < 300) return parsed<T>(answer, doing)
      const error = apiErrorOf(doing, answer.status, parsedOr(answer.text), answer.retryAfter)
      const waitMs = error.retryAfterMs
      if (error.status !== 429 || waitMs === undefined || waitMs > MAX_THROTTLE_WAIT_MS || repeats >= MAX_THROTTLED_REPEATS)
        throw error
      await pause(waitMs, call.signal)
    }
  }
}

interface WriteCall {
  readonly method: 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body: string
  readonly contentType?: string
}

function bodyOf(type: ResourceType, object: object): string {
  return JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind })
}

function timesOf(options: CallOptions): { signal?: AbortSignal | undefined; timeoutMs?: number } {
  return { signal: options.signal, ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }) }
}

function parsed<T>(answer: Answer, doing: string): T {
  try {
    return JSON.parse(answer.text) as T
  } catch {
    throw new TransportError(doing, 'the answer is not JSON')
  }
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The beginning of an answer that is an error, as far as it comes within the time: enough for any Status object. */
async function firstOf(body: IncomingMessage): Promise<unknown> {
  let text = ''
  const timer = setTimeout(() => body.destroy(), ERROR_BODY_MS)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      text += chunk.toString('utf8')
      if (text.length > MAX_ERROR_BODY) break
    }
  } catch {
    // What has come must do: the status says the most.
  } finally {
    clearTimeout(timer)
  }
  return parsedOr(text)
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
