/**
 * A disk that a process ends on: what was not synced may be lost or torn, names of files too. It fails, fills up and is slow when a fault
 * says so. Everything that is asked of it takes a turn, and the process may end at each of them.
 */

import { DirectoryInUse } from '@fractal-lba/backend/wal/directory-lock'
import type { DurableFile, FileError, ReadableFile, WalFiles } from '@fractal-lba/backend/wal/files'
import { FRAME_HEADER_BYTES } from '@fractal-lba/backend/wal/format'
import type { CallFault } from './faults.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'

const SECTOR_BYTES = 512

interface StoredFile {
  /** As it is after everything that was synced. */
  bytes: Buffer
  length: number
}

interface Directory {
  /** As processes see it. */
  readonly entries: Map<string, StoredFile>
  /** As it is after a loss of power. */
  durable: Map<string, StoredFile>
}

/** A write that is under way, or that failed: a part of it may be on the disk. */
interface Unsure {
  readonly file: StoredFile
  readonly bytes: Buffer
  readonly position: number
}

export interface DiskParts {
  /** What happens to the next call of `process`. */
  readonly faultOf: (process: Process) => CallFault | undefined
  readonly onCrash: (process: Process) => void
  readonly random: Random
}

/** Outlives the processes that use it; each gets its own `WalFiles`. */
export class SimulatedDisk {
  freeBytes = 1 << 30
  readonly #parts: DiskParts
  readonly #directories = new Map<string, Directory>([['/', emptyDirectory()]])
  /** Directories whose own names are durable. */
  readonly #durable = new Set<string>()
  readonly #unsure = new Set<Unsure>()
  readonly #locks = new Map<string, Process>()

  constructor(parts: DiskParts) {
    this.#parts = parts
  }

  /** The process, or its machine, has ended: writes that were under way are on the disk in part; with the power, unsynced names are gone. */
  crashed(powerLost: boolean): void {
    for (const unsure of this.#unsure) this.#tear(unsure)
    this.#unsure.clear()
    if (!powerLost) return
    for (const path of this.#directories.keys()) if (path !== '/' && !this.#durable.has(path)) this.#directories.delete(path)
    for (const directory of this.#directories.values()) {
      directory.entries.clear()
      for (const [name, file] of directory.durable) directory.entries.set(name, file)
    }
  }

  /** Some sectors of it arrived, in any order; the file may have grown to its whole length all the same. */
  #tear({ file, bytes, position }: Unsure): void {
    const { random } = this.#parts
    const fate = random()
    if (fate < 0.25) return
    if (fate < 0.5) {
      put(file, bytes.subarray(0, Math.floor(random() * (bytes.length + 1))), position)
      return
    }
    for (let from = 0; from < bytes.length; ) {
      const end = Math.min(bytes.length, from + SECTOR_BYTES - ((position + from) % SECTOR_BYTES))
      // So few bytes of a sector say nothing about whether it was written: the log asks people then (docs/wal-format.md).
      const telling = from > 0 || end >= FRAME_HEADER_BYTES
      if (!telling || random() < 0.6) put(file, bytes.subarray(from, end), position + from)
      from = end
    }
  }

  /** The disk as `process` has it. */
  files(process: Process): WalFiles {
    const step = async (call: string): Promise<void> => {
      await process.turn()
      const fault = this.#parts.faultOf(process)
      if (fault?.kind === 'slow') await process.sleep(fault.ms)
      if (fault?.kind === 'crash-before') {
        this.#parts.onCrash(process)
        await process.whileAlive()
      }
      if (fault?.kind === 'disk-error') throw failure('EIO', call)
    }
    return {
      lock: (dir) => {
        const holder = this.#locks.get(dir)
        if (holder?.alive) throw new DirectoryInUse(dir, undefined)
        this.#locks.set(dir, process)
        return () => this.#locks.delete(dir)
      },
      makeDirectory: async (dir) => {
        await step('mkdir')
        return this.#make(dir)
      },
      list: async (dir) => {
        await step('list')
        return [...this.#directory(dir).entries.keys()]
      },
      sizeOf: async (path) => {
        await step('stat')
        return this.#file(path).length
      },
      open: async (path) => {
        await step('open')
        return readable(this.#file(path), () => step('read'))
      },
      create: (path, done) => void this.#create(process, path, done, step),
      truncate: async (path, bytes) => {
        await step('truncate')
        const file = this.#file(path)
        file.length = Math.min(file.length, bytes)
        file.bytes.fill(0, file.length)
      },
      remove: async (path) => {
        await step('unlink')
        this.#file(path)
        this.#directory(folderOf(path)).entries.delete(nameOf(path))
      },
      syncDirectory: async (dir) => {
        await step('sync-directory')
        const directory = this.#directory(dir)
        directory.durable = new Map(directory.entries)
        for (const path of this.#directories.keys()) if (folderOf(path) === dir) this.#durable.add(path)
      },
      freeBytes: async () => {
        await step('statfs')
        return this.freeBytes
      },
    }
  }

  async #create(
    process: Process,
    path: string,
    done: Parameters<WalFiles['create']>[1],
    step: (call: string) => Promise<void>,
  ): Promise<void> {
    let file: StoredFile
    try {
      await step('create')
      const { entries } = this.#directory(folderOf(path))
      if (entries.has(nameOf(path))) throw failure('EEXIST', path)
      file = { bytes: Buffer.alloc(4096), length: 0 }
      entries.set(nameOf(path), file)
    } catch (error) {
      done(error as FileError)
      return
    }
    done(null, this.#writable(process, file, step))
  }

  #writable(process: Process, file: StoredFile, step: (call: string) => Promise<void>): DurableFile {
    return {
      write: (buffer, from, length, position, done) => {
        const bytes = Buffer.from(buffer.subarray(from, from + length))
        const unsure = { file, bytes, position }
        if (process.alive) this.#unsure.add(unsure)
        step('write').then(
          () => this.#finishWrite(unsure, done),
          (error: FileError) => {
            this.#fails(unsure)
            done(error, 0)
          },
        )
      },
      close: (done) => void step('close').then(() => done(null), done),
    }
  }

  #finishWrite(unsure: Unsure, done: (error: FileError | null, written: number) => void): void {
    const { file, bytes, position } = unsure
    const growth = Math.max(0, position + bytes.length - file.length)
    if (growth > this.freeBytes) {
      const fitting = bytes.length - growth + this.freeBytes
      if (fitting > 0) {
        // As a disk does: what fits is written, and the next call says that there is no space.
        this.#unsure.delete(unsure)
        this.#write(file, bytes.subarray(0, fitting), position)
        done(null, fitting)
        return
      }
      this.#fails(unsure)
      done(failure('ENOSPC', 'write'), 0)
      return
    }
    this.#unsure.delete(unsure)
    this.#write(file, bytes, position)
    done(null, bytes.length)
  }

  /** Nobody knows what of it is there. */
  #fails(unsure: Unsure): void {
    this.#unsure.delete(unsure)
    this.#tear(unsure)
  }

  #write(file: StoredFile, bytes: Buffer, position: number): void {
    this.freeBytes -= Math.max(0, position + bytes.length - file.length)
    put(file, bytes, position)
  }

  #make(dir: string): string | undefined {
    let first: string | undefined
    let path = ''
    for (const part of dir.split('/').filter((name) => name !== '')) {
      path += `/${part}`
      if (this.#directories.has(path)) continue
      first ??= path
      this.#directories.set(path, emptyDirectory())
    }
    return first
  }

  #directory(dir: string): Directory {
    const directory = this.#directories.get(dir)
    if (!directory) throw failure('ENOENT', dir)
    return directory
  }

  #file(path: string): StoredFile {
    const file = this.#directories.get(folderOf(path))?.entries.get(nameOf(path))
    if (!file) throw failure('ENOENT', path)
    return file
  }
}

function emptyDirectory(): Directory {
  return { entries: new Map(), durable: new Map() }
}

function put(file: StoredFile, bytes: Buffer, position: number): void {
  const end = position + bytes.length
  if (end > file.bytes.length) {
    const grown = Buffer.alloc(Math.max(end, 2 * file.bytes.length))
    file.bytes.copy(grown, 0, 0, file.length)
    file.bytes = grown
  }
  bytes.copy(file.bytes, position)
  file.length = Math.max(file.length, end)
}

function readable(file: StoredFile, step: () => Promise<void>): ReadableFile {
  return {
    sizeBytes: file.length,
    read: async (buffer, offset, length, position) => {
      await step()
      const end = Math.min(file.length, position + length)
      return end <= position ? 0 : file.bytes.copy(buffer, offset, position, end)
    },
    close: step,
  }
}

const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')))
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function failure(code: string, what: string): FileError {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}
