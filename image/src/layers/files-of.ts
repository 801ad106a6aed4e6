/** The files below a folder of this checkout, as paths relative to it, in byte order. Links are not followed: there are none to keep. */
import { readdirSync } from 'node:fs'

export function filesOf(folder: string, keep: (path: string, isDirectory: boolean) => boolean): string[] {
  const found: string[] = []
  const walk = (inside: string) => {
    for (const entry of readdirSync(`${folder}/${inside}`, { withFileTypes: true })) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`
      if (entry.isDirectory() && keep(path, true)) walk(path)
      else if (entry.isFile() && keep(path, false)) found.push(path)
    }
  }
  walk('')
  return found.sort()
}
