/**
 * The folder of manifests as a source of objects: `*.yaml` in, without status files. Watched, and rescanned at an interval because a
 * watch may miss a change. A file that cannot be read keeps the objects it gave before: an editor that writes in two steps, or a typing
 * error, must not look like a deletion. A deletion counts once it was seen twice.
 */
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { SHARD_MIGRATION_KIND } from '../api/group.ts'
import type { Clock } from '../runtime/clock.ts'
import { MAX_MANIFEST_BYTES, type Manifest, type ManifestObject, parseManifest } from './manifests.ts'
import { STATUS_SUFFIX } from './status-file.ts'

export interface FolderObject extends ManifestObject {
  readonly file: string
}

export interface FileProblem {
  readonly file: string
  /** The object that the problem is about, else the file's own name. */
  readonly name: string
  readonly message: string
}

export interface FolderContent {
  readonly objects: ReadonlyMap<string, FolderObject>
  readonly problems: readonly FileProblem[]
}

/** Longest time until a change is seen that the watch has missed. */
const RESCAN_MS = 2000
/** A burst of changes is read once. */
const SETTLE_MS = 20
/** A file must be gone this long before its objects count as deleted. */
const DELETION_GRACE_MS = 500

interface KnownFile {
  readonly manifest: Manifest
  readonly stamp: string
  readonly missingSinceMs: number | undefined
}

export class ManifestFolder {
  readonly #folder: string
  readonly #clock: Clock
  readonly #changed: (names: ReadonlySet<string>) => void
  readonly #files = new Map<string, KnownFile>()
  #content: FolderContent = { objects: new Map(), problems: [] }
  #watcher: FSWatcher | undefined
  #cancelTimer: (() => void) | undefined
  #scanning: Promise<void> = Promise.resolve()
  #closed = false
  #problem: string | undefined

  constructor(folder: string, clock: Clock, changed: (names: ReadonlySet<string>) => void) {
    this.#folder = folder
    this.#clock = clock
    this.#changed = changed
  }

  get content(): FolderContent {
    return this.#content
  }

  /** Why the folder cannot be read now. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Reads the folder once, then follows it. @throws Error when the folder cannot be read. */
  async start(): Promise<void> {
    await this.rescan()
    this.#watcher = watch(this.#folder, { persistent: false }, (_event, file) => {
      if (!file || isManifest(file)) this.#schedule(SETTLE_MS)
    })
    this.#watcher.on('error', () => undefined)
    this.#schedule(RESCAN_MS)
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    this.#cancelTimer?.()
  }

  /** Scans run one after the other; resolves when one that began after this call has ended. */
  rescan(): Promise<void> {
    const next = this.#scanning.then(() => this.#scan())
    this.#scanning = next.catch(() => undefined)
    return next
  }

  #schedule(ms: number): void {
    if (this.#closed) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.after(ms, () => {
      this.rescan()
        .then(
          () => {
            this.#problem = undefined
          },
          (error: Error) => {
            this.#problem = `the folder cannot be read: ${error.message}`
          },
        )
        .then(() => this.#schedule(this.#anyMissing() ? DELETION_GRACE_MS : RESCAN_MS))
    })
  }

  #anyMissing(): boolean {
    return [...this.#files.values()].some((file) => file.missingSinceMs !== undefined)
  }

  async #scan(): Promise<void> {
    const present = (await readdir(this.#folder)).filter(isManifest).sort()
    for (const file of present) await this.#read(file)
    for (const [file, known] of this.#files) {
      if (present.includes(file)) continue
      const since = known.missingSinceMs ?? this.#clock.now()
      if (this.#clock.now() - since >= DELETION_GRACE_MS) this.#files.delete(file)
      else this.#files.set(file, { ...known, stamp: '', missingSinceMs: since })
    }
    this.#publish()
  }

  async #read(file: string): Promise<void> {
    const path = join(this.#folder, file)
    const before = this.#files.get(file)
    const { size, mtimeMs, ino } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0, ino: 0 }))
    const stamp = `${size}/${mtimeMs}/${ino}`
    if (before?.stamp === stamp && before.missingSinceMs === undefined) return
    const manifest: Manifest =
      size > MAX_MANIFEST_BYTES
        ? { objects: [], problems: [{ message: `the file is larger than ${MAX_MANIFEST_BYTES} bytes`, name: undefined }] }
        : parseManifest(await readFile(path, 'utf8').catch(() => ''))
    const gone = (before?.manifest.objects ?? []).filter((object) => !manifest.objects.some((now) => now.name === object.name))
    if (gone.length === 0 || !before) return void this.#files.set(file, { manifest, stamp, missingSinceMs: undefined })
    // Objects that vanish together with a problem are kept; without one they are kept for the grace time.
    const since = before.missingSinceMs ?? this.#clock.now()
    if (manifest.problems.length === 0 && this.#clock.now() - since >= DELETION_GRACE_MS) {
      return void this.#files.set(file, { manifest, stamp, missingSinceMs: undefined })
    }
    const kept: Manifest = { objects: [...manifest.objects, ...gone], problems: manifest.problems }
    this.#files.set(file, { manifest: kept, stamp, missingSinceMs: manifest.problems.length === 0 ? since : undefined })
  }

  #publish(): void {
    const before = this.#content
    const objects = new Map<string, FolderObject>()
    const problems: FileProblem[] = []
    for (const [file, { manifest }] of this.#files) {
      for (const problem of manifest.problems)
        problems.push({ file, name: problem.name ?? stemOf(file), message: problem.message })
      for (const object of manifest.objects) {
        if (object.kind !== SHARD_MIGRATION_KIND) continue
        const other = objects.get(object.name)
        if (other)
          problems.push({
            file,
            name: object.name,
            message: `metadata.name: ${object.name} is defined in ${basename(other.file)} too; this one is ignored`,
          })
        else objects.set(object.name, { ...object, file: join(this.#folder, file) })
      }
    }
    this.#content = { objects, problems }
    const changed = new Set<string>()
    for (const [name, object] of objects)
      if (JSON.stringify(before.objects.get(name)) !== JSON.stringify(object)) changed.add(name)
    for (const name of before.objects.keys()) if (!objects.has(name)) changed.add(name)
    const text = (problem: FileProblem) => `${problem.file}\0${problem.name}\0${problem.message}`
    const old = new Set(before.problems.map(text))
    const now = new Set(problems.map(text))
    for (const problem of problems) if (!old.has(text(problem))) changed.add(problem.name)
    for (const problem of before.problems) if (!now.has(text(problem))) changed.add(problem.name)
    if (changed.size > 0) this.#changed(changed)
  }
}

const isManifest = (file: string): boolean => /\.ya?ml$/.test(file) && !file.startsWith('.') && !file.endsWith(STATUS_SUFFIX)
const stemOf = (file: string): string =>
  file
    .replace(/\.ya?ml$/, '')
    .toLowerCase()
    .replace(/[^-a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'manifest'
