/**
 * Lets one process at a time use a WAL_DIR. The lock is SQLite's exclusive lock on an empty database: a kernel lock (fcntl) that Node
 * offers in no other way. It ends with its process however that ends, so nothing is ever stale, and it holds across containers that
 * share a volume, where process ids say nothing.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const LOCK_FILE = 'lock'

/** Another process has the directory. */
export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'

  constructor(dir: string, cause: unknown) {
    super(`Another process is using ${dir}: stop it, or give this one a directory of its own`, { cause })
  }
}

/** @returns what gives the lock up. @throws DirectoryInUse */
export function lockDirectory(dir: string): () => void {
  const database = new DatabaseSync(join(dir, LOCK_FILE))
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === 5) throw new DirectoryInUse(dir, error)
    throw error
  }
  return () => database.close()
}
