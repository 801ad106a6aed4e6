/**
 * `ShardMigration` objects of one namespace, in the API of a cluster. The status is written by server-side apply. What a successor needs
 * is written before anything follows from it; figures alone wait a second, and until then are read from here.
 */
import { FINALIZER, type Verb } from '../api/group.ts'
import type { Reason } from '../api/reasons.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import { validateSpec } from '../api/validate.ts'
import type { MigrationObject, MigrationObjects } from '../controllers/shardmigration/objects.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { apiVersionOf } from '../runtime/client/objects.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import { addFinalizer, finalize } from '../runtime/finalizers.ts'
import { consumeVerb } from './annotations.ts'
import { keepCertificate } from './certificate-store.ts'
import { type MigrationResource, SHARD_MIGRATIONS } from './resources.ts'

export interface KubernetesObjectsParts {
  /** Refuses to write once this process does not lead. */
  readonly client: KubeClient
  readonly cache: Cache<MigrationResource>
  readonly events: EventRecorder
  readonly namespace: string
  readonly now: () => number
}

/** Figures that change with every look are written this often at most. */
const FIGURES_INTERVAL_MS = 1_000

interface Written {
  readonly uid: string
  /** As the controller last meant it. */
  readonly status: ShardMigrationStatus
  /** As the API server has it. */
  readonly storedText: string
  readonly storedEssence: string
  readonly storedMs: number
}

export class KubernetesMigrationObjects implements MigrationObjects {
  readonly #parts: KubernetesObjectsParts
  readonly #written = new Map<string, Written>()

  constructor(parts: KubernetesObjectsParts) {
    this.#parts = parts
  }

  async names(): Promise<readonly string[]> {
    return this.#parts.cache.list({ namespace: this.#parts.namespace }).map(({ metadata }) => metadata.name)
  }

  async get(name: string): Promise<MigrationObject | undefined> {
    const resource = this.#resource(name)
    if (!resource) {
      this.#written.delete(name)
      return undefined
    }
    const { metadata } = resource
    const uid = metadata.uid ?? ''
    const validated = validateSpec(resource.spec)
    const written = this.#written.get(name)
    return {
      name,
      uid,
      generation: metadata.generation ?? 1,
      annotations: metadata.annotations ?? {},
      deletionRequested: metadata.deletionTimestamp !== undefined,
      spec: validated.ok ? validated.spec : undefined,
      problems: validated.ok ? [] : validated.problems,
      status: written?.uid === uid ? written.status : resource.status,
    }
  }

  async writeStatus(object: MigrationObject, status: ShardMigrationStatus): Promise<void> {
    const { client, now } = this.#parts
    const resource = this.#resource(object.name)
    if (resource?.metadata.uid !== object.uid) return
    // The finalizer first: from the moment that a status says something is under way, the object must not vanish.
    if (!object.deletionRequested && !resource.metadata.finalizers?.includes(FINALIZER))
      await addFinalizer(client, SHARD_MIGRATIONS, resource, FINALIZER)
    const storedText = JSON.stringify(status)
    const storedEssence = essenceOf(status)
    const before = this.#written.get(object.name)
    const same = before?.uid === object.uid
    const wait = same && before.storedEssence === storedEssence && now() - before.storedMs < FIGURES_INTERVAL_MS
    if (same && (wait || before.storedText === storedText)) {
      this.#written.set(object.name, { ...before, status })
      return
    }
    await client.apply(
      SHARD_MIGRATIONS,
      { metadata: { name: object.name, namespace: this.#parts.namespace, uid: object.uid }, status },
      { subresource: 'status' },
    )
    this.#written.set(object.name, { uid: object.uid, status, storedText, storedEssence, storedMs: now() })
  }

  async event(object: MigrationObject, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void> {
    const { events, namespace } = this.#parts
    const regarding = {
      apiVersion: apiVersionOf(SHARD_MIGRATIONS),
      kind: SHARD_MIGRATIONS.kind,
      namespace,
      name: object.name,
      uid: object.uid,
    }
    events.record({ regarding, type, reason, action: reason, note: message })
  }

  async consume(object: MigrationObject, verb: Verb, value: string): Promise<void> {
    const ref = { namespace: this.#parts.namespace, name: object.name }
    await consumeVerb(this.#parts.client, SHARD_MIGRATIONS, ref, verb, value)
  }

  async forget(object: MigrationObject): Promise<void> {
    const resource = this.#resource(object.name)
    this.#written.delete(object.name)
    if (resource?.metadata.uid !== object.uid) return
    await finalize(this.#parts.client, SHARD_MIGRATIONS, resource, FINALIZER, async () => 'cleaned')
  }

  async keepCertificate(name: string, canonicalJson: string): Promise<void> {
    await keepCertificate(this.#parts.client, this.#parts.namespace, name, canonicalJson)
  }

  #resource(name: string): MigrationResource | undefined {
    return this.#parts.cache.get({ namespace: this.#parts.namespace, name })
  }
}

/** The part of a status from which something follows: all but figures, and texts that hold figures. */
function essenceOf(status: ShardMigrationStatus): string {
  const {
    progress: _p,
    gates: _g,
    gateTracks: _t,
    lastProgress: _l,
    message: _m,
    reverseLagSeconds: _r,
    judgement,
    ...rest
  } = status
  return JSON.stringify({
    ...rest,
    judgement: judgement.kind,
    conditions: status.conditions.map(({ message: _, ...condition }) => condition),
  })
}
