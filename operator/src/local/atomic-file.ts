/**
 * Replaces a file so that a reader, or a crash, sees the old content or the new, never a part: written beside it, synced, renamed, and
 * the folder synced, since the rename itself is a change of the folder.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export async function replaceFile(path: string, content: string, mode = 0o644): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  // The leading dot keeps watchers of the folder from taking the half-written file for input.
  const beside = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`)
  try {
    await withFile(beside, 'wx', mode, async (file) => {
      await file.writeFile(content)
      await file.sync()
    })
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await syncFolder(folder)
}

export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
  await syncFolder(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

async function syncFolder(folder: string): Promise<void> {
  await withFile(folder, 'r', 0, (file) => file.sync())
}

async function withFile(path: string, flags: string, mode: number, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, mode)
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
