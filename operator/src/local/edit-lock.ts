/**
 * One editor at a time for the manifests of a folder: the operator takes consumed annotations out, the verbs of the command line put
 * them in, and neither may lose the other's edit. A lock left by a process that has died is taken over.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const RETRY_MS = 10
const PATIENCE_MS = 5000

export async function withEditLock<T>(folder: string, edit: () => Promise<T>): Promise<T> {
  const path = join(folder, '.operator', 'edit.lock')
  await mkdir(dirname(path), { recursive: true })
  for (let waitedMs = 0; !(await take(path)); waitedMs += RETRY_MS) {
    if (waitedMs >= PATIENCE_MS)
      throw new Error(`${path} is held by another process for ${PATIENCE_MS / 1000} s; remove it if that process is gone`)
    await delay(RETRY_MS)
  }
  try {
    return await edit()
  } finally {
    await rm(path, { force: true })
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(`${process.pid}`)
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(path, { force: true })
    return false
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
