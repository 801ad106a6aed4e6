/**
 * The files of a WAL_DIR: names, listing, and the one file that is written. A file is written by one synchronous-data write at a time
 * (O_DSYNC): one hop to the thread pool where write and fdatasync would be two, with the same promise (README.md has the figures).
 */
import { close, constants, open, write } from 'node:fs'
import { type FileHandle, open as openHandle, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = /^(\d{10})\.wal$/

export interface SegmentFile {
  readonly segment: number
  readonly path: string
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(10, '0')}.wal`
}

/** All segments of `dir`, oldest first. */
export async function listSegments(dir: string): Promise<SegmentFile[]> {
  const files: SegmentFile[] = []
  for (const name of await readdir(dir)) {
    const match = NAME.exec(name)
    if (match !== null) files.push({ segment: Number(match[1]), path: join(dir, name) })
  }
  return files.sort((a, b) => a.segment - b.segment)
}

/** Makes creations, renames and removals in `dir` durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await openHandle(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Cuts `path` to `bytes`, durably. */
export async function truncateDurably(path: string, bytes: number): Promise<void> {
  const handle: FileHandle = await openHandle(path, constants.O_WRONLY)
  try {
    await handle.truncate(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes a file of `dir`, durably. */
export async function removeDurably(dir: string, path: string): Promise<void> {
  await unlink(path)
  await syncDirectory(dir)
}

export type WriteDone = (error: NodeJS.ErrnoException | null) => void

/** The segment being written. Callbacks instead of promises: this is once a group, on the path of every answer. */
export class SegmentWriter {
  readonly segment: number
  readonly path: string
  readonly #fd: number

  private constructor(file: SegmentFile, fd: number) {
    this.segment = file.segment
    this.path = file.path
    this.#fd = fd
  }

  /** Fails when the file exists: a segment is never written twice. */
  static create(dir: string, segment: number, done: (error: NodeJS.ErrnoException | null, writer?: SegmentWriter) => void): void {
    const path = join(dir, segmentName(segment))
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC
    open(path, flags, 0o640, (error, fd) => (error === null ? done(null, new SegmentWriter({ segment, path }, fd)) : done(error)))
  }

  /** `done(null)` means that all `length` bytes are on disk. */
  write(buffer: Buffer, length: number, offset: number, done: WriteDone): void {
    this.#writeFrom(buffer, 0, length, offset, done)
  }

  close(done: WriteDone): void {
    close(this.#fd, (error) => done(error ?? null))
  }

  #writeFrom(buffer: Buffer, from: number, length: number, offset: number, done: WriteDone): void {
    write(this.#fd, buffer, from, length - from, offset + from, (error, written) => {
      if (error !== null) done(error)
      else if (from + written === length) done(null)
      else this.#writeFrom(buffer, from + written, length, offset, done)
    })
  }
}
