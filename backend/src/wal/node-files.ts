/**
 * The disk of this machine. A file is written by one synchronous-data write at a time (O_DSYNC): one hop to the thread pool where write
 * and fdatasync would be two, with the same promise (README.md has the figures).
 */
import { close, constants, open, write } from 'node:fs'
import { mkdir, open as openHandle, readdir, stat, statfs, unlink } from 'node:fs/promises'
import { lockDirectory } from './directory-lock.ts'
import type { DurableFile, ReadableFile, WalFiles } from './files.ts'

export const NODE_FILES: WalFiles = {
  lock: lockDirectory,
  makeDirectory: (dir) => mkdir(dir, { recursive: true }),
  list: (dir) => readdir(dir),
  sizeOf: async (path) => (await stat(path)).size,
  open: openToRead,
  create(path, done) {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC
    open(path, flags, 0o640, (error, fd) => (error === null ? done(null, new OpenedFile(fd)) : done(error)))
  },
  async truncate(path, bytes) {
    const handle = await openHandle(path, constants.O_WRONLY)
    try {
      await handle.truncate(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  remove: (path) => unlink(path),
  async syncDirectory(dir) {
    const handle = await openHandle(dir, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async freeBytes(dir) {
    const { bavail, bsize } = await statfs(dir)
    return bavail * bsize
  },
}

class OpenedFile implements DurableFile {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  write(...[buffer, from, length, position, done]: Parameters<DurableFile['write']>): void {
    write(this.#fd, buffer, from, length, position, done)
  }

  close(done: Parameters<DurableFile['close']>[0]): void {
    close(this.#fd, done)
  }
}

async function openToRead(path: string): Promise<ReadableFile> {
  const handle = await openHandle(path, 'r')
  try {
    const { size } = await handle.stat()
    return {
      sizeBytes: size,
      read: async (buffer, offset, length, position) => (await handle.read(buffer, offset, length, position)).bytesRead,
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}
