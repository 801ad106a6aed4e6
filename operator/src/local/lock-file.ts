/**
 * A lock between processes that dies with its holder. The file appears with its content in one step (a link to a finished file), so whoever
 * sees it also sees whose it is; one whose holder has ended is taken over.
 */
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isRunning, ownIdentity } from './process-identity.ts'

export type Taken = { readonly taken: true } | { readonly taken: false; readonly holder: string }

let attempts = 0

export async function takeLock(path: string): Promise<Taken> {
  await mkdir(dirname(path), { recursive: true })
  const mine = `${path}.${process.pid}.${attempts++}`
  await writeFile(mine, await ownIdentity())
  try {
    for (;;) {
      try {
        await link(mine, path)
        return { taken: true }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = await readFile(path, 'utf8').catch(() => '')
      if (await isRunning(holder)) return { taken: false, holder: holder.split(' ')[0] as string }
      await rm(path, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

export const releaseLock = (path: string): Promise<void> => rm(path, { force: true })
