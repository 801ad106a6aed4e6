/**
 * Copies of the objects that have work under way (`.operator/objects/NAME.json`). It plays the part of a finalizer: a manifest that is
 * deleted in mid-flight is still known here, until what it began is undone or finished. Holds addresses, so only its owner can read it.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFile, replaceFile } from './atomic-file.ts'

export interface JournalEntry {
  readonly name: string
  readonly uid: string
  readonly generation: number
  /** The manifest that it came from. */
  readonly file: string
  /** The spec as it was last accepted, before defaults. */
  readonly spec: unknown
}

const folderOf = (folder: string): string => join(folder, '.operator', 'objects')
const pathOf = (folder: string, name: string): string => join(folderOf(folder), `${name}.json`)

export async function readJournal(folder: string): Promise<Map<string, JournalEntry>> {
  const names = await readdir(folderOf(folder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const entries = new Map<string, JournalEntry>()
  for (const file of names.filter((name) => name.endsWith('.json') && !name.startsWith('.'))) {
    const entry = JSON.parse(await readFile(join(folderOf(folder), file), 'utf8')) as JournalEntry
    entries.set(entry.name, entry)
  }
  return entries
}

export const writeJournal = (folder: string, entry: JournalEntry): Promise<void> =>
  replaceFile(pathOf(folder, entry.name), JSON.stringify(entry), 0o600)

export const removeFromJournal = (folder: string, name: string): Promise<void> => removeFile(pathOf(folder, name))
