/**
 * One editor at a time for the manifests of a folder: the operator takes consumed annotations out, the verbs of the command line put
 * them in, and neither may lose the other's edit.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { releaseLock, takeLock } from './lock-file.ts'

const RETRY_MS = 10
/** An edit takes milliseconds. */
const PATIENCE_MS = 5000

export async function withEditLock<T>(folder: string, edit: () => Promise<T>): Promise<T> {
  const path = join(folder, '.operator', 'edit.lock')
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    const lock = await takeLock(path)
    if (lock.taken) break
    if (waitedMs >= PATIENCE_MS) throw new Error(`${path} is held by process ${lock.holder} for ${PATIENCE_MS / 1000} s`)
    await delay(RETRY_MS)
  }
  try {
    return await edit()
  } finally {
    await releaseLock(path)
  }
}
