/**
 * What the log needs of a disk. Two adapters pass one conformance suite (`conformance/`): `node-files.ts`, and the simulation's, which loses
 * and tears what was not synced. Paths are whole; a directory is synced to make creations and removals in it durable.
 */

export type FileError = NodeJS.ErrnoException

/** A file that is read. */
export interface ReadableFile {
  /** When it was opened. */
  readonly sizeBytes: number
  /** @returns how many bytes were there, at most `length`; 0 behind the end. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<number>
  close(): Promise<void>
}

/** The file that is written. Callbacks instead of promises: this is once a group, on the path of every answer. */
export interface DurableFile {
  /** Once `done` says so, these bytes of the file are on disk; `written` may be fewer than `length`. After an error nothing is known. */
  write(
    buffer: Buffer,
    from: number,
    length: number,
    position: number,
    done: (error: FileError | null, written: number) => void,
  ): void
  close(done: (error?: FileError | null) => void): void
}

export interface WalFiles {
  /** Keeps other processes out of `dir`, until this one ends or gives it up by what is returned. @throws DirectoryInUse */
  lock(dir: string): () => void
  /** With those on the way to it. @returns the first one that was made. */
  makeDirectory(dir: string): Promise<string | undefined>
  /** Names, in any order. */
  list(dir: string): Promise<readonly string[]>
  sizeOf(path: string): Promise<number>
  open(path: string): Promise<ReadableFile>
  /** Makes a file, which must not be there: each write to it is on disk when it is done. Its name is once the directory is synced. */
  create(path: string, done: (error: FileError | null, file?: DurableFile) => void): void
  /** Cuts, durably. */
  truncate(path: string, bytes: number): Promise<void>
  /** Durable once the directory is synced. */
  remove(path: string): Promise<void>
  syncDirectory(dir: string): Promise<void>
  /** What may still be written. */
  freeBytes(dir: string): Promise<number>
}
