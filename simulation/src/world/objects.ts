/**
 * What an operator sees of the API that keeps the `ShardMigration` objects: through a network that loses and delays, and from a cache that
 * may lag behind others' writes, but never behind an answer that it was given. What it makes of both is the operator's own.
 */
import { gunzipSync } from 'node:zlib'
import type { ShardMigrationSpec } from '@fractal-lba/operator/api/shardmigration'
import type { ShardMigrationStatus } from '@fractal-lba/operator/api/status'
import { CERTIFICATE_KEY } from '@fractal-lba/operator/kubernetes/certificate-store'
import type { ApiClient, CustomObjectsParts } from '@fractal-lba/operator/kubernetes/custom-objects'
import { KubernetesMigrationObjects } from '@fractal-lba/operator/kubernetes/migration-objects'
import { CONFIG_MAPS, type ConfigMap, type MigrationResource, SHARD_MIGRATIONS } from '@fractal-lba/operator/kubernetes/resources'
import { isConflict, TransportError } from '@fractal-lba/operator/runtime/client/api-error'
import type { JsonPatchOperation } from '@fractal-lba/operator/runtime/client/kube-client'
import type { KubeObject, ObjectRef, ResourceType } from '@fractal-lba/operator/runtime/client/objects'
import type { CallRates } from './faults.ts'
import type { Network } from './network.ts'
import type { Process } from './process.ts'
import { chance, type Random } from './random.ts'
import type { Seen } from './seen.ts'
import { NAMESPACE, type StoredMigration } from './stored-object.ts'
import type { Variant } from './variant.ts'

export const API = { name: 'api', alive: true }

export interface ObjectsParts {
  readonly stored: StoredMigration
  readonly process: Process
  readonly network: Network
  readonly rates: () => CallRates
  readonly random: Random
  readonly variant: Variant
  readonly seen: Seen
  /** Nothing is stale any more. */
  readonly peace: () => boolean
  readonly onEvent: (text: string) => void
  /** A status took the place of one that its writer had not seen. */
  readonly onBlind: (before: MigrationResource, after: MigrationResource) => void
}

/** How many versions a cache may lag behind. */
const MAX_LAG = 3

export function objectsOf(parts: ObjectsParts): KubernetesMigrationObjects {
  const view = new ApiView(parts)
  return new KubernetesMigrationObjects(
    {
      client: parts.variant.operatorClient?.(view) ?? view,
      cache: view.cache,
      events: { record: ({ type, reason, note }) => parts.onEvent(`${type} ${reason}: ${note}`) },
      namespace: NAMESPACE,
      now: () => parts.process.now(),
    },
    // Of shards that are in memory.
    (spec) => ({ ok: true, spec: spec as ShardMigrationSpec }),
  )
}

class ApiView implements ApiClient {
  readonly #parts: ObjectsParts
  /** Reads never go back behind this version: the last one read, or written. */
  #known = 0

  constructor(parts: ObjectsParts) {
    this.#parts = parts
  }

  readonly cache: CustomObjectsParts<ShardMigrationStatus>['cache'] = {
    type: SHARD_MIGRATIONS,
    get: (ref) => (typeof ref === 'object' && ref.name === this.#parts.stored.name ? this.#observed() : undefined),
    list: () => [this.#observed()],
  }

  #observed(): MigrationResource {
    const { stored, random, peace, seen } = this.#parts
    const newest = stored.versions.length - 1
    const lag = !peace() && chance(random, 0.2) ? Math.ceil(random() * MAX_LAG) : 0
    this.#known = Math.max(this.#known, newest - lag)
    if (this.#known < newest) seen.add('stale observation')
    return stored.versions[this.#known] as MigrationResource
  }

  async apply<T extends KubeObject>(type: ResourceType<T>, object: Partial<T> & KubeObject): Promise<T> {
    const { stored } = this.#parts
    const known = stored.versions[this.#known]
    const perform = (): KubeObject => {
      if (type.kind !== CONFIG_MAPS.kind) {
        const before = stored.latest
        const after = stored.applyStatus(object as MigrationResource)
        if (after !== before && before.status !== known?.status) this.#parts.onBlind(before, after)
        return after
      }
      const packed = (object as ConfigMap).binaryData?.[CERTIFICATE_KEY] as string
      stored.certificate = gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')
      return object
    }
    return (await this.#call(perform)) as T
  }

  async jsonPatch<T extends KubeObject>(
    _type: ResourceType<T>,
    _ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
  ): Promise<T> {
    return (await this.#call(() => this.#parts.stored.patch(operations))) as KubeObject as T
  }

  async get<T extends KubeObject>(): Promise<T | undefined> {
    return (await this.#call(() => this.#parts.stored.latest)) as KubeObject as T
  }

  async #call<T extends KubeObject>(work: () => T): Promise<T> {
    const { process, network, rates, seen } = this.#parts
    const perform = async () => {
      try {
        return work()
      } catch (error) {
        if (isConflict(error)) seen.add('write from an old version refused')
        throw error
      }
    }
    const unanswered = (why: string) => new TransportError('asking the API', why)
    const answer = await network.call({ from: process, to: API, rates: rates(), perform, unanswered })
    this.#known = Math.max(this.#known, Number(answer.metadata.resourceVersion ?? 0))
    return answer
  }
}
