/**
 * Reads manifests (multi-document YAML) as objects, or as problems that name the file and the field. Bounded in size, documents and
 * aliases: a manifest is a page of text, and what is much more is a mistake or an attack.
 */
import { parseAllDocuments } from 'yaml'
import { API_VERSION, SHARD_MIGRATION_KIND } from '../api/group.ts'

export const MAX_MANIFEST_BYTES = 1_048_576
const MAX_DOCUMENTS = 100
const MAX_ALIASES = 50
const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export interface ManifestObject {
  readonly kind: string
  readonly name: string
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: unknown
  /** Position of its document in the file. */
  readonly document: number
}

export interface Manifest {
  readonly objects: readonly ManifestObject[]
  /** About the file or one of its documents; such a document gives no object. `name` where it could be read. */
  readonly problems: readonly { readonly message: string; readonly name: string | undefined }[]
}

export function parseManifest(text: string): Manifest {
  const objects: ManifestObject[] = []
  const problems: { message: string; name: string | undefined }[] = []
  const documents = parseAllDocuments(text, { uniqueKeys: true, strict: true, prettyErrors: true })
  if (!Array.isArray(documents)) return { objects, problems }
  if (documents.length > MAX_DOCUMENTS)
    return { objects, problems: [{ message: `the file holds more than ${MAX_DOCUMENTS} documents`, name: undefined }] }
  for (const [index, document] of documents.entries()) {
    const where = documents.length > 1 ? `document ${index + 1}: ` : ''
    const broken = document.errors[0]
    if (broken) {
      problems.push({ message: `${where}not valid YAML: ${broken.message.split('\n')[0]}`, name: undefined })
      continue
    }
    let value: unknown
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch (error) {
      problems.push({ message: `${where}${(error as Error).message}`, name: undefined })
      continue
    }
    if (value === null || value === undefined) continue
    const read = readObject(value, index)
    if (typeof read === 'object') objects.push(read)
    else problems.push({ message: `${where}${read}`, name: nameOf(value) })
  }
  return { objects, problems }
}

function readObject(value: unknown, document: number): ManifestObject | string {
  if (typeof value !== 'object' || Array.isArray(value))
    return 'a document must be a map with apiVersion, kind, metadata and spec'
  const { apiVersion, kind, metadata, spec, ...rest } = value as Record<string, unknown>
  if (apiVersion !== API_VERSION) return `apiVersion: must be ${API_VERSION}, not ${JSON.stringify(apiVersion)}`
  if (kind !== SHARD_MIGRATION_KIND && kind !== 'Fleet')
    return `kind: must be ${SHARD_MIGRATION_KIND} or Fleet, not ${JSON.stringify(kind)}`
  const unknown = Object.keys(rest).find((key) => key !== 'status')
  if (unknown) return `${unknown}: there is no such field; a document has apiVersion, kind, metadata and spec`
  const name = nameOf(value)
  if (!name) return 'metadata.name: must be lower-case letters, digits and dashes, at most 63'
  const annotations = annotationsOf(metadata)
  if (typeof annotations === 'string') return annotations
  return { kind: kind as string, name, annotations, spec, document }
}

function annotationsOf(metadata: unknown): Record<string, string> | string {
  const annotations = (metadata as { annotations?: unknown }).annotations ?? {}
  if (typeof annotations !== 'object' || Array.isArray(annotations)) return 'metadata.annotations: must be a map'
  const entries = Object.entries(annotations as Record<string, unknown>)
  const bad = entries.find(([, value]) => !['string', 'number', 'boolean'].includes(typeof value))
  if (bad) return `metadata.annotations[${bad[0]}]: must be a text`
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))
}

function nameOf(value: unknown): string | undefined {
  const name = (value as { metadata?: { name?: unknown } } | null)?.metadata?.name
  return typeof name === 'string' && NAME_PATTERN.test(name) ? name : undefined
}
