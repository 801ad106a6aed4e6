/**
 * The custom objects of one kind and namespace, in the API of a cluster. The status is written by server-side apply. What a successor
 * needs is written before anything follows from it; figures alone wait a second, and until then are read from here.
 */
import { hash } from 'node:crypto'
import { FINALIZER, type Verb } from '../api/group.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { apiVersionOf, type ResourceType } from '../runtime/client/objects.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import { addFinalizer, finalize } from '../runtime/finalizers.ts'
import { consumeVerb } from './annotations.ts'
import type { CustomObject } from './resources.ts'

export interface CustomObjectsParts<Status> {
  /** Refuses to write once this process does not lead. */
  readonly client: KubeClient
  readonly cache: Cache<CustomObject<Status>>
  readonly events: EventRecorder
  readonly namespace: string
  readonly now: () => number
}

/** What of an object tells it from another of its name. */
export interface Identity {
  readonly name: string
  readonly uid: string
}

/** Figures that change with every look are written this often at most. */
const FIGURES_INTERVAL_MS = 1_000

interface Written<Status> {
  readonly uid: string
  /** As the controller last meant it, where that is not what was stored. */
  readonly unstored: Status | undefined
  /** Of what the API server has: a hash, since there may be many. */
  readonly storedHash: string
  readonly essenceHash: string
  readonly storedMs: number
}

export class CustomObjects<Status extends object> {
  readonly #parts: CustomObjectsParts<Status>
  readonly #type: ResourceType<CustomObject<Status>>
  readonly #essenceOf: (status: Status) => object
  readonly #written = new Map<string, Written<Status>>()

  /** @param essenceOf the part of a status from which something follows: all but figures, and texts that hold figures */
  constructor(parts: CustomObjectsParts<Status>, essenceOf: (status: Status) => object) {
    this.#parts = parts
    this.#type = parts.cache.type
    this.#essenceOf = essenceOf
  }

  names(): readonly string[] {
    return this.#parts.cache.list({ namespace: this.#parts.namespace }).map(({ metadata }) => metadata.name)
  }

  /** With the status as it was last meant. */
  get(name: string): CustomObject<Status> | undefined {
    const resource = this.#parts.cache.get({ namespace: this.#parts.namespace, name })
    if (!resource) {
      this.#written.delete(name)
      return undefined
    }
    const written = this.#written.get(name)
    return written?.unstored && written.uid === resource.metadata.uid ? { ...resource, status: written.unstored } : resource
  }

  async writeStatus({ name, uid }: Identity, status: Status): Promise<void> {
    const { client, cache, namespace, now } = this.#parts
    const resource = cache.get({ namespace, name })
    if (resource?.metadata.uid !== uid) return
    // The finalizer first: from the moment that a status says something is under way, the object must not vanish.
    if (!resource.metadata.deletionTimestamp && !resource.metadata.finalizers?.includes(FINALIZER))
      await addFinalizer(client, this.#type, resource, FINALIZER)
    const storedHash = hashOf(status)
    const essenceHash = hashOf(this.#essenceOf(status))
    const before = this.#written.get(name)
    const same = before?.uid === uid
    const wait = same && before.essenceHash === essenceHash && now() - before.storedMs < FIGURES_INTERVAL_MS
    if (same && (wait || before.storedHash === storedHash)) {
      this.#written.set(name, { ...before, unstored: before.storedHash === storedHash ? undefined : status })
      return
    }
    await client.apply(
      this.#type,
      { metadata: { name, namespace, uid }, status } as Partial<CustomObject<Status>> & CustomObject<Status>,
      {
        subresource: 'status',
      },
    )
    // The cache has what was stored: it is never older than our own writes.
    this.#written.set(name, { uid, unstored: undefined, storedHash, essenceHash, storedMs: now() })
  }

  event({ name, uid }: Identity, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { events, namespace } = this.#parts
    const regarding = { apiVersion: apiVersionOf(this.#type), kind: this.#type.kind, namespace, name, uid }
    events.record({ regarding, type, reason, action: reason, note: message })
  }

  async consume({ name }: Identity, verb: Verb, value: string): Promise<void> {
    await consumeVerb(this.#parts.client, this.#type, { namespace: this.#parts.namespace, name }, verb, value)
  }

  async forget({ name, uid }: Identity): Promise<void> {
    const { client, cache, namespace } = this.#parts
    const resource = cache.get({ namespace, name })
    this.#written.delete(name)
    if (resource?.metadata.uid !== uid) return
    await finalize(client, this.#type, resource, FINALIZER, async () => 'cleaned')
  }
}

const hashOf = (value: object): string => hash('sha256', JSON.stringify(value), 'base64')
