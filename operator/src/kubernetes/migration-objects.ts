/** `ShardMigration` objects of one namespace, in the API of a cluster. */
import type { ShardMigrationSpec } from '../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import { validateSpec } from '../api/validate.ts'
import type { MigrationObjects } from '../controllers/shardmigration/objects.ts'
import { keepCertificate } from './certificate-store.ts'
import { CustomObjects, type CustomObjectsParts } from './custom-objects.ts'

const validateInCluster = (spec: unknown) => validateSpec(spec, { credentials: 'refused' })

export class KubernetesMigrationObjects
  extends CustomObjects<ShardMigrationSpec, ShardMigrationStatus>
  implements MigrationObjects
{
  readonly #parts: CustomObjectsParts<ShardMigrationStatus>

  constructor(parts: CustomObjectsParts<ShardMigrationStatus>, validate = validateInCluster) {
    super(parts, validate, essenceOf)
    this.#parts = parts
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
