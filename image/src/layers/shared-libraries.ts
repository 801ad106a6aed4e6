/**
 * The shared libraries that programs and native modules need at run time, as the dynamic linker of this machine resolves them. They
 * are laid where it found them, since those are the folders in which the same linker looks in the image.
 */
import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { type Entry, file } from '../tar/entries.ts'

/** One entry a library that `programs` need, without those in `exceptPaths` (what a lower layer has). */
export function sharedLibrariesOf(programs: readonly string[], exceptPaths: ReadonlySet<string> = new Set()): Entry[] {
  const found = new Map<string, string>()
  for (const program of programs) {
    for (const library of resolved(program)) {
      const path = library.slice(1)
      if (!exceptPaths.has(path)) found.set(path, realpathSync(library))
    }
  }
  return [...found].map(([path, real]) => file(path, { file: real }, 0o755))
}

/** Absolute paths of what `ldd` lists: `name => /path (0x…)` for libraries, `/path (0x…)` for the linker itself. */
function resolved(program: string): string[] {
  const answer = spawnSync('ldd', [program], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  if (answer.error) throw new Error(`ldd cannot run (${answer.error.message}): images are made on Linux with glibc`)
  if (/not a dynamic executable|statically linked/.test(answer.stdout + answer.stderr)) return []
  if (answer.status !== 0) throw new Error(`ldd ${program}: ${answer.stderr.trim()}`)
  return answer.stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('linux-vdso'))
    .map((line) => {
      if (line.includes('not found')) throw new Error(`${program} needs a library that is not on this machine: ${line}`)
      const path = /^(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1]
      if (!path) throw new Error(`ldd ${program}: cannot read the line ${JSON.stringify(line)}`)
      return path
    })
}
