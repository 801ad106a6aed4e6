/**
 * The custom objects of one kind and namespace, in the API of a cluster, with their specs checked. The status is written by server-side apply. What a successor
 * needs is written before anything follows from it; figures alone wait a second, and until then are read from here.
 *
 * A status names the version of the object that it was made from, and the API server refuses it once there is a newer one: a write that
 * comes late, of ours or of a leader before, never replaces what was decided since.
 */
import { hash } from 'node:crypto'
import { FINALIZER, type Verb } from '../api/group.ts'
import type { Reason } from '../api/reasons.ts'
import type { Validated } from '../api/validate.ts'
import type { ObjectsOf, ObservedObject } from '../controllers/objects.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import { isConflict } from '../runtime/client/api-error.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { apiVersionOf, type ResourceType } from '../runtime/client/objects.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import { addFinalizer, finalize } from '../runtime/finalizers.ts'
import { Outdated } from '../runtime/reconcile.ts'
import { consumeVerb, isNews } from './annotations.ts'
import { checkedOnce } from './checked-once.ts'
import type { CustomObject } from './resources.ts'

export type ApiClient = Pick<KubeClient, 'apply' | 'jsonPatch' | 'get'>

export interface CustomObjectsParts<Status> {
  /** Refuses to write once this process does not lead. */
  readonly client: ApiClient
  readonly cache: Pick<Cache<CustomObject<Status>>, 'type' | 'get' | 'list'>
  readonly events: Pick<EventRecorder, 'record'>
  readonly namespace: string
  readonly now: () => number
}

/** An object as it was read; its version is its `resourceVersion`. */
export interface CheckedObject<Spec, Status> extends ObservedObject<Spec, Status> {
  readonly createdAtMs: number
}

/** What of an object tells it from another of its name. */
type Identity = Pick<CheckedObject<unknown, unknown>, 'name' | 'uid'>
type Sighting = Pick<CheckedObject<unknown, unknown>, 'name' | 'uid' | 'version'>

/** Figures that change with every look are written this often at most. */
const FIGURES_INTERVAL_MS = 1_000

interface Written<Status> {
  /** Of the object that this is about. Once it has another version, somebody else wrote, and this says nothing of it. */
  readonly version: string | undefined
  /** As the controller last meant it, where that is not, or may not be, what was stored. */
  readonly unstored: Status | undefined
  /** Of what the API server has; undefined where it did not say. */
  readonly stored: Stored | undefined
}

interface Stored {
  /** Hashes, since there may be many. */
  readonly statusHash: string
  readonly essenceHash: string
  readonly atMs: number
}

export class CustomObjects<Spec, Status extends object> implements ObjectsOf<ObservedObject<Spec, Status>> {
  readonly #parts: CustomObjectsParts<Status>
  readonly #type: ResourceType<CustomObject<Status>>
  readonly #validate: (spec: unknown) => Validated<Spec>
  readonly #essenceOf: (status: Status) => object
  readonly #written = new Map<string, Written<Status>>()

  /** @param essenceOf the part of a status from which something follows: all but figures, and texts that hold figures */
  constructor(
    parts: CustomObjectsParts<Status>,
    validate: (spec: unknown) => Validated<Spec>,
    essenceOf: (status: Status) => object,
  ) {
    this.#parts = parts
    this.#type = parts.cache.type
    this.#validate = checkedOnce(validate)
    this.#essenceOf = essenceOf
  }

  async names(): Promise<readonly string[]> {
    return this.#parts.cache.list({ namespace: this.#parts.namespace }).map(({ metadata }) => metadata.name)
  }

  async get(name: string): Promise<CheckedObject<Spec, Status> | undefined> {
    const resource = this.#lastMeant(name)
    if (!resource) return undefined
    const { metadata, status } = resource
    const validated = this.#validate(resource.spec)
    return {
      name,
      uid: metadata.uid ?? '',
      version: metadata.resourceVersion ?? '',
      generation: metadata.generation ?? 1,
      createdAtMs: Date.parse(metadata.creationTimestamp ?? '') || 0,
      annotations: metadata.annotations ?? {},
      deletionRequested: metadata.deletionTimestamp !== undefined,
      spec: validated.ok ? validated.spec : undefined,
      problems: validated.ok ? [] : validated.problems,
      status,
    }
  }

  /** With the status as it was last meant. */
  #lastMeant(name: string): CustomObject<Status> | undefined {
    const resource = this.#parts.cache.get({ namespace: this.#parts.namespace, name })
    if (!resource) {
      this.#written.delete(name)
      return undefined
    }
    const status = this.#writtenOf(resource)?.unstored
    return status ? { ...resource, status } : resource
  }

  #writtenOf({ metadata: { name, resourceVersion } }: CustomObject<Status>): Written<Status> | undefined {
    const written = this.#written.get(name)
    return written?.version === resourceVersion ? written : undefined
  }

  async writeStatus({ name, uid, version }: Sighting, status: Status): Promise<void> {
    const { cache, namespace, now } = this.#parts
    const resource = cache.get({ namespace, name })
    if (resource?.metadata.uid !== uid) return
    if (resource.metadata.resourceVersion !== version) throw new Outdated(`${this.#type.kind} ${name} has changed`)
    const statusHash = hashOf(status)
    const essenceHash = hashOf(this.#essenceOf(status))
    const before = this.#writtenOf(resource)
    if (before?.stored) {
      const { stored } = before
      const isStored = stored.statusHash === statusHash
      if (isStored || (stored.essenceHash === essenceHash && now() - stored.atMs < FIGURES_INTERVAL_MS)) {
        this.#written.set(name, { ...before, unstored: isStored ? undefined : status })
        return
      }
    }
    const from = await this.#withFinalizer(resource)
    const stored = await this.#apply(from, status)
    // The cache has what was stored: it is never older than our own writes.
    this.#written.set(name, {
      version: stored.metadata.resourceVersion,
      unstored: undefined,
      stored: { statusHash, essenceHash, atMs: now() },
    })
  }

  /** From the moment that a status says something is under way, the object must not vanish. */
  async #withFinalizer(resource: CustomObject<Status>): Promise<CustomObject<Status>> {
    const { metadata } = resource
    if (metadata.deletionTimestamp || metadata.finalizers?.includes(FINALIZER)) return resource
    const held = await addFinalizer(this.#parts.client, this.#type, resource, FINALIZER)
    // Others may have written between our look and our finalizer.
    const same =
      held &&
      !isNews({ key: metadata.name, old: resource, new: held }) &&
      JSON.stringify(held.status) === JSON.stringify(resource.status)
    if (!same) throw new Outdated(`${this.#type.kind} ${metadata.name} has changed`)
    return held
  }

  async #apply({ metadata }: CustomObject<Status>, status: Status): Promise<CustomObject<Status>> {
    const { client, namespace } = this.#parts
    const { name, uid, resourceVersion } = metadata
    try {
      return await client.apply(
        this.#type,
        { metadata: { name, namespace, uid, resourceVersion }, status } as Partial<CustomObject<Status>> & CustomObject<Status>,
        { subresource: 'status' },
      )
    } catch (error) {
      if (isConflict(error)) throw new Outdated(`${this.#type.kind} ${name} has changed`, { cause: error })
      // It may yet be carried out, as long as nobody else writes: what is decided next goes on from it.
      this.#written.set(name, { version: resourceVersion, unstored: status, stored: undefined })
      throw error
    }
  }

  async event({ name, uid }: Identity, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void> {
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
