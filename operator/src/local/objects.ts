/** The folder of manifests as the controller's store of objects: spec from the manifest, uid, generation and status from the status file. */
import { createHash, randomUUID } from 'node:crypto'
import { basename, join } from 'node:path'
import { annotationOf, type Verb } from '../api/group.ts'
import type { ShardMigrationSpec } from '../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import { type FieldProblem, validateSpec } from '../api/validate.ts'
import { isTerminal } from '../controllers/shardmigration/draft.ts'
import type { MigrationObject, MigrationObjects } from '../controllers/shardmigration/objects.ts'
import { removeAnnotation } from './annotations.ts'
import { replaceFile } from './atomic-file.ts'
import { EventLog } from './event-log.ts'
import type { FolderObject, ManifestFolder } from './folder.ts'
import { type JournalEntry, readJournal, removeFromJournal, writeJournal } from './journal.ts'
import { readStatus, removeStatus, type StoredStatus, writeStatus } from './status-file.ts'

/** Fields that cannot change while a migration is under way: what is being moved depends on them. */
const FIXED: readonly (keyof ShardMigrationSpec)[] = ['sourceShards', 'targetShards', 'dedupBackend', 'vnodes']

export interface LocalObjectsParts {
  readonly folder: string
  readonly manifests: ManifestFolder
  readonly now: () => number
  readonly newUid?: () => string
}

export class LocalObjects implements MigrationObjects {
  readonly #parts: LocalObjectsParts
  readonly #stored = new Map<string, StoredStatus>()
  readonly #events = new Map<string, EventLog>()
  #journal: Map<string, JournalEntry> | undefined

  constructor(parts: LocalObjectsParts) {
    this.#parts = parts
  }

  async names(): Promise<readonly string[]> {
    const { objects, problems } = this.#parts.manifests.content
    return [...new Set([...objects.keys(), ...problems.map((problem) => problem.name), ...(await this.#journalled()).keys()])]
  }

  async get(name: string): Promise<MigrationObject | undefined> {
    const { objects, problems } = this.#parts.manifests.content
    const object = objects.get(name)
    const entry = (await this.#journalled()).get(name)
    const stored = await this.#storedOf(name)
    const fileProblems = problems
      .filter((problem) => problem.name === name)
      .map((problem) => ({ field: problem.file, message: problem.message }))
    if (object) return this.#fromManifest(object, entry, stored, fileProblems)
    // A manifest that cannot be read is not a manifest that was deleted.
    const unreadable = problems.filter((problem) => problem.name === name || problem.file === entry?.file)
    if (entry) {
      const { spec } = accept(entry.spec)
      const current = { name, ...this.#identity(stored, entry, undefined), annotations: {}, spec }
      return {
        ...current,
        deletionRequested: unreadable.length === 0,
        problems: unreadable.map(({ file, message }) => ({ field: file, message })),
      }
    }
    if (fileProblems.length > 0)
      return {
        name,
        ...this.#identity(stored, entry, undefined),
        annotations: {},
        deletionRequested: false,
        spec: undefined,
        problems: fileProblems,
      }
    // Neither a manifest nor anything under way: what is left is the status of a manifest that is gone.
    if (stored && (stored.status?.migrationId === undefined || isTerminal(stored.status.phase))) await this.#remove(name)
    return undefined
  }

  async writeStatus(object: MigrationObject, status: ShardMigrationStatus): Promise<void> {
    const before = await this.#storedOf(object.name)
    const raw = this.#parts.manifests.content.objects.get(object.name)?.spec
    const accepted = object.problems.length === 0 && object.spec !== undefined && raw !== undefined
    const specHash = accepted ? hashOf(raw) : (before?.specHash ?? '')
    // The journal first: from the moment that a status says something is under way, a deleted manifest must still be known.
    if (accepted) await this.#remember(object, raw)
    const next = { uid: object.uid, generation: object.generation, specHash, status }
    if (before && JSON.stringify(before) === JSON.stringify(next)) return
    await writeStatus(this.#parts.folder, object.name, next)
    this.#stored.set(object.name, next)
  }

  async event(object: MigrationObject, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    const path = join(this.#parts.folder, `${object.name}.events.jsonl`)
    const log = this.#events.get(path) ?? new EventLog(path)
    this.#events.set(path, log)
    await log.record(type, reason, message, this.#parts.now())
  }

  async consume(object: MigrationObject, verb: Verb, value: string): Promise<void> {
    const manifest = this.#parts.manifests.content.objects.get(object.name)
    if (!manifest) return
    await removeAnnotation({ folder: this.#parts.folder, file: manifest.file, name: object.name }, annotationOf(verb), value)
    await this.#parts.manifests.rescan()
  }

  async forget(object: MigrationObject): Promise<void> {
    await removeFromJournal(this.#parts.folder, object.name)
    ;(await this.#journalled()).delete(object.name)
    await this.#remove(object.name)
  }

  async keepCertificate(name: string, canonicalJson: string): Promise<void> {
    await replaceFile(join(this.#parts.folder, `${name}.certificate.json`), canonicalJson)
  }

  #fromManifest(
    object: FolderObject,
    entry: JournalEntry | undefined,
    stored: StoredStatus | undefined,
    fileProblems: FieldProblem[],
  ): MigrationObject {
    const checked = accept(object.spec)
    const last = entry && (!stored || entry.uid === stored.uid) ? accept(entry.spec).spec : undefined
    const problems = [
      ...fileProblems,
      ...checked.problems,
      ...(checked.spec && last && isUnderWay(stored) ? fixedProblems(last, checked.spec) : []),
    ]
    const usable = problems.length === 0
    return {
      name: object.name,
      ...this.#identity(stored, entry, usable ? hashOf(object.spec) : undefined),
      annotations: object.annotations,
      deletionRequested: false,
      spec: usable ? checked.spec : isUnderWay(stored) ? last : undefined,
      problems,
    }
  }

  /** The generation grows when another spec is accepted; a refused one changes nothing, as an API server would not take it. */
  #identity(
    stored: StoredStatus | undefined,
    entry: JournalEntry | undefined,
    acceptedHash: string | undefined,
  ): Pick<MigrationObject, 'uid' | 'generation' | 'status'> {
    // A status that was lost is made anew from what the shards say, as long as the object is known to be the same.
    if (!stored && entry) return { uid: entry.uid, generation: entry.generation, status: undefined }
    if (!stored) return { uid: (this.#parts.newUid ?? randomUUID)(), generation: 1, status: undefined }
    const changed = acceptedHash !== undefined && acceptedHash !== stored.specHash
    return { uid: stored.uid, generation: changed ? stored.generation + 1 : stored.generation, status: stored.status }
  }

  async #remember(object: MigrationObject, spec: unknown): Promise<void> {
    const journal = await this.#journalled()
    const file = this.#parts.manifests.content.objects.get(object.name)?.file
    const entry = { name: object.name, uid: object.uid, generation: object.generation, file: file ? basename(file) : '', spec }
    if (JSON.stringify(journal.get(object.name)) === JSON.stringify(entry)) return
    await writeJournal(this.#parts.folder, entry)
    journal.set(object.name, entry)
  }

  async #journalled(): Promise<Map<string, JournalEntry>> {
    this.#journal ??= await readJournal(this.#parts.folder)
    return this.#journal
  }

  async #storedOf(name: string): Promise<StoredStatus | undefined> {
    const known = this.#stored.get(name)
    if (known) return known
    const read = await readStatus(this.#parts.folder, name)
    if (read) this.#stored.set(name, read)
    return read
  }

  async #remove(name: string): Promise<void> {
    await removeStatus(this.#parts.folder, name)
    this.#stored.delete(name)
  }
}

const isUnderWay = (stored: StoredStatus | undefined): boolean =>
  stored?.status?.migrationId !== undefined && !isTerminal(stored.status.phase)

function accept(raw: unknown): { spec: ShardMigrationSpec | undefined; problems: readonly FieldProblem[] } {
  const validated = validateSpec(raw)
  return validated.ok ? { spec: validated.spec, problems: [] } : { spec: undefined, problems: validated.problems }
}

function fixedProblems(last: ShardMigrationSpec, now: ShardMigrationSpec): FieldProblem[] {
  return FIXED.filter((field) => JSON.stringify(last[field]) !== JSON.stringify(now[field])).map((field) => ({
    field: `spec.${field}`,
    message: 'cannot change while the migration is under way; put the old value back, or abort the migration first',
  }))
}

const hashOf = (spec: unknown): string => createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16)
