/** A directory that goes with its test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export function tempDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fractal-lba-client-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
