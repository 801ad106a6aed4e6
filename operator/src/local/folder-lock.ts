/** One operator a folder. What a killed operator left behind is taken over at once. */
import { join } from 'node:path'
import { releaseLock, takeLock } from './lock-file.ts'

/** @returns what gives it back. @throws Error that names the process that has it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, '.operator', 'operator.pid')
  const lock = await takeLock(path)
  if (!lock.taken) throw new Error(`${folder} is served by another operator, process ${lock.holder}`)
  return () => releaseLock(path)
}
