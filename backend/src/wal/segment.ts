/** The files of a WAL_DIR: names, listing, and the one file that is written. */
import { join } from 'node:path'
import type { DurableFile, FileError, WalFiles } from './files.ts'

const NAME = /^(\d{10})\.wal$/

export interface SegmentFile {
  readonly segment: number
  readonly path: string
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(10, '0')}.wal`
}

/** All segments of `dir`, oldest first. */
export async function listSegments(dir: string, files: WalFiles): Promise<SegmentFile[]> {
  const found: SegmentFile[] = []
  for (const name of await files.list(dir)) {
    const match = NAME.exec(name)
    if (match !== null) found.push({ segment: Number(match[1]), path: join(dir, name) })
  }
  return found.sort((a, b) => a.segment - b.segment)
}

/** Removes a file of `dir`, durably. */
export async function removeDurably(files: WalFiles, dir: string, path: string): Promise<void> {
  await files.remove(path)
  await files.syncDirectory(dir)
}

export type WriteDone = (error: FileError | null) => void

/** The segment being written. */
export class SegmentWriter {
  readonly segment: number
  readonly path: string
  readonly #file: DurableFile

  private constructor(segment: SegmentFile, file: DurableFile) {
    this.segment = segment.segment
    this.path = segment.path
    this.#file = file
  }

  /** Fails when the file exists: a segment is never written twice. */
  static create(
    files: WalFiles,
    dir: string,
    segment: number,
    done: (error: FileError | null, writer?: SegmentWriter) => void,
  ): void {
    const path = join(dir, segmentName(segment))
    files.create(path, (error, file) =>
      file === undefined ? done(error) : done(null, new SegmentWriter({ segment, path }, file)),
    )
  }

  /** `done(null)` means that all `length` bytes are on disk. */
  write(buffer: Buffer, length: number, offset: number, done: WriteDone): void {
    this.#writeFrom(buffer, 0, length, offset, done)
  }

  close(done: WriteDone): void {
    this.#file.close((error) => done(error ?? null))
  }

  #writeFrom(buffer: Buffer, from: number, length: number, offset: number, done: WriteDone): void {
    this.#file.write(buffer, from, length - from, offset + from, (error, written) => {
      if (error !== null) done(error)
      else if (from + written === length) done(null)
      else this.#writeFrom(buffer, from + written, length, offset, done)
    })
  }
}
