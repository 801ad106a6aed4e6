/** One operator a folder. The lock names its holder's process; one that a killed process left behind is taken over at once. */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isAlive } from './edit-lock.ts'

/** @returns what gives it back. @throws Error that names the process that has it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, '.operator', 'operator.pid')
  await mkdir(dirname(path), { recursive: true })
  for (;;) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(`${process.pid}`)
      await file.close()
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (holder > 0 && holder !== process.pid && isAlive(holder))
      throw new Error(`${folder} is served by another operator, process ${holder}`)
    await rm(path, { force: true })
  }
}
