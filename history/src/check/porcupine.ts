/** Runs the second checker: Porcupine, in Go, on the same file. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { GoFolderProgram } from '@fractal-lba/servers/go-programs'

export const PORCUPINE: GoFolderProgram = {
  name: 'porcupine',
  folder: fileURLToPath(new URL('../../porcupine/', import.meta.url)),
}

export interface PorcupineVerdict {
  readonly keys: number
  readonly operations: number
  readonly badKeys: readonly string[]
  /** About these nothing is said: the search took too long. */
  readonly untold: readonly string[]
  readonly ms: number
}

const OUTPUT_BYTES_MAX = 256 * 1024 * 1024
const [HOLDS, VIOLATED, COULD_NOT_TELL] = [0, 1, 2]

/** @throws Error where the file could not be read. */
export async function runPorcupine(program: string, file: string): Promise<PorcupineVerdict> {
  return await new Promise((resolve, reject) => {
    execFile(program, [file], { maxBuffer: OUTPUT_BYTES_MAX }, (error, stdout, stderr) => {
      const code = error ? error.code : HOLDS
      const told = code === HOLDS || code === VIOLATED || (code === COULD_NOT_TELL && stdout !== '')
      if (told) resolve(JSON.parse(stdout) as PorcupineVerdict)
      else reject(new Error(stderr.trim() || `porcupine ended with ${code}`))
    })
  })
}
