/** `ShardMigration` objects of one namespace, in the API of a cluster. */
import type { Verb } from '../api/group.ts'
import type { Reason } from '../api/reasons.ts'
import type { ShardMigrationSpec } from '../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import { type Validated, validateSpec } from '../api/validate.ts'
import type { MigrationObject, MigrationObjects } from '../controllers/shardmigration/objects.ts'
import { keepCertificate } from './certificate-store.ts'
import { checkedOnce } from './checked-once.ts'
import { CustomObjects, type CustomObjectsParts } from './custom-objects.ts'

const validateInCluster = (spec: unknown) => validateSpec(spec, { credentials: 'refused' })

export class KubernetesMigrationObjects implements MigrationObjects {
  readonly #parts: CustomObjectsParts<ShardMigrationStatus>
  readonly #objects: CustomObjects<ShardMigrationStatus>
  readonly #validate: (spec: unknown) => Validated<ShardMigrationSpec>

  constructor(parts: CustomObjectsParts<ShardMigrationStatus>, validate = validateInCluster) {
    this.#parts = parts
    this.#validate = checkedOnce(validate)
    this.#objects = new CustomObjects(parts, essenceOf)
  }

  async names(): Promise<readonly string[]> {
    return this.#objects.names()
  }

  async get(name: string): Promise<MigrationObject | undefined> {
    const resource = this.#objects.get(name)
    if (!resource) return undefined
    const { metadata, status } = resource
    const validated = this.#validate(resource.spec)
    return {
      name,
      uid: metadata.uid ?? '',
      version: metadata.resourceVersion ?? '',
      generation: metadata.generation ?? 1,
      annotations: metadata.annotations ?? {},
      deletionRequested: metadata.deletionTimestamp !== undefined,
      spec: validated.ok ? validated.spec : undefined,
      problems: validated.ok ? [] : validated.problems,
      status,
    }
  }

  async writeStatus(object: MigrationObject, status: ShardMigrationStatus): Promise<void> {
    await this.#objects.writeStatus(object, status)
  }

  async event(object: MigrationObject, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void> {
    this.#objects.event(object, type, reason, message)
  }

  async consume(object: MigrationObject, verb: Verb, value: string): Promise<void> {
    await this.#objects.consume(object, verb, value)
  }

  async forget(object: MigrationObject): Promise<void> {
    await this.#objects.forget(object)
  }

  async keepCertificate(name: string, canonicalJson: string): Promise<void> {
    await keepCertificate(this.#parts.client, this.#parts.namespace, name, canonicalJson)
  }
}

function essenceOf(status: ShardMigrationStatus): object {
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
  return {
    ...rest,
    judgement: judgement.kind,
    conditions: status.conditions.map(({ message: _, ...condition }) => condition),
  }
}
