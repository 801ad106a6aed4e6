/** One `ShardMigration` as an API server keeps it, all that it ever was, and what the server makes of a write. */
import { annotationOf, type Verb } from '@fractal-lba/operator/api/group'
import type { ShardMigrationSpec } from '@fractal-lba/operator/api/shardmigration'
import type { ShardMigrationStatus } from '@fractal-lba/operator/api/status'
import type { MigrationResource } from '@fractal-lba/operator/kubernetes/resources'
import { ApiError } from '@fractal-lba/operator/runtime/client/api-error'
import type { JsonPatchOperation } from '@fractal-lba/operator/runtime/client/kube-client'

export const NAMESPACE = 'simulated'

export class StoredMigration {
  readonly name: string
  /** The resource version of each is its place here. */
  readonly versions: MigrationResource[]
  certificate: string | undefined

  constructor(name: string, spec: ShardMigrationSpec) {
    this.name = name
    const metadata = { name, namespace: NAMESPACE, uid: 'a1b2c3d4', generation: 1, resourceVersion: '0', annotations: {} }
    this.versions = [{ metadata, spec }]
  }

  get latest(): MigrationResource {
    return this.versions.at(-1) as MigrationResource
  }

  get status(): ShardMigrationStatus | undefined {
    return this.latest.status
  }

  get annotations(): Readonly<Record<string, string>> {
    return this.latest.metadata.annotations ?? {}
  }

  /** What a person asks for. */
  give(verb: Verb, value: string): void {
    const annotations = { ...this.annotations, [annotationOf(verb)]: value }
    this.#store({ ...this.latest, metadata: { ...this.latest.metadata, annotations } })
  }

  /** Server-side apply of the status: what is the same is no new version. @throws ApiError 409. */
  applyStatus({ metadata, status }: MigrationResource): MigrationResource {
    this.#expect(metadata.resourceVersion)
    // As JSON, which has nothing that is undefined.
    const text = JSON.stringify(status)
    if (text === JSON.stringify(this.status)) return this.latest
    return this.#store({ ...this.latest, status: JSON.parse(text) as ShardMigrationStatus })
  }

  /** Of metadata, by JSON Patch. @throws ApiError 409 where the version is another; 422 where a path or a value is. */
  patch(operations: readonly JsonPatchOperation[]): MigrationResource {
    const patched = { ...this.latest, metadata: structuredClone(this.latest.metadata) }
    for (const operation of operations) {
      if (operation.path === '/metadata/resourceVersion') this.#expect(operation.value as string)
      else perform(patched as object as Record<string, unknown>, operation)
    }
    return this.#store(patched)
  }

  #expect(resourceVersion: string | undefined): void {
    if (resourceVersion !== undefined && resourceVersion !== this.latest.metadata.resourceVersion)
      throw new ApiError(`writing ${this.name}`, 409, 'Conflict', `its version is ${this.latest.metadata.resourceVersion}`)
  }

  #store(next: MigrationResource): MigrationResource {
    const stored = { ...next, metadata: { ...next.metadata, resourceVersion: String(this.versions.length) } }
    this.versions.push(stored)
    return stored
  }
}

function perform(object: Record<string, unknown>, { op, path, value }: JsonPatchOperation): void {
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = keys.pop() as string
  const parent = keys.reduce<unknown>((one, key) => (one as Record<string, unknown> | undefined)?.[key], object)
  const refused = () => new ApiError('patching', 422, 'Invalid', `${op} ${path}`)
  if (typeof parent !== 'object' || parent === null) throw refused()
  if (Array.isArray(parent)) {
    if (op !== 'add' || last !== '-') throw refused()
    parent.push(value)
    return
  }
  const members = parent as Record<string, unknown>
  if (op !== 'add' && !(last in members)) throw refused()
  if (op === 'test' && members[last] !== value) throw refused()
  if (op === 'remove') delete members[last]
  if (op === 'add' || op === 'replace') members[last] = value
}
