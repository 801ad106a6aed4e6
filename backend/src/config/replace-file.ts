/** Replaces a file as a whole: a crash leaves the old or the new one. What is kept so may hold credentials, so only its owner may read it. */
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** @param pod of the temporary name, since pods of one machine may share a folder */
export async function replaceFile(path: string, text: string, pod: string): Promise<void> {
  const temporary = `${path}.${pod}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}
