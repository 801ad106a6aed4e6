/**
 * The layer of third-party packages: those of the production closure, without what only a developer reads (types, source maps, pages)
 * and without native builds for other machines. Licences stay.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, file } from '../tar/entries.ts'
import { APP, type Checkout } from './checkout.ts'
import { filesOf } from './files-of.ts'
import type { Closure, Platform } from './production-closure.ts'
import { sharedLibrariesOf } from './shared-libraries.ts'

const FOR_DEVELOPERS = /\.(d\.[mc]?ts|[mc]?ts|map|md|markdown|flow|tsbuildinfo)$/i
/** Folders that only a package's own tests use, at the package's top. */
const OWN_TESTS = new Set(['test', 'tests', '__tests__', 'example', 'examples', 'benchmark', 'benchmarks', 'docs', '.github'])

export function dependencyLayer(checkout: Checkout, closure: Closure, basePaths: ReadonlySet<string>): Entry[] {
  const entries: Entry[] = []
  const native: string[] = []
  for (const folder of closure.packages) {
    const at = join(checkout.root, folder)
    if (!existsSync(at)) throw new Error(`${folder} is not installed: run npm ci`)
    for (const path of filesOf(at, (path, isDirectory) => isNeeded(path, isDirectory, checkout.platform))) {
      entries.push(file(`${APP}/${folder}/${path}`, { file: join(at, path) }, path.endsWith('.node') ? 0o755 : 0o644))
      if (path.endsWith('.node')) native.push(join(at, path))
    }
  }
  return [...entries, ...sharedLibrariesOf(native, basePaths)]
}

function isNeeded(path: string, isDirectory: boolean, { os, cpu }: Platform): boolean {
  const parts = path.split('/')
  // Packages nested here are in the closure by themselves, or not needed.
  if (isDirectory && parts[0] === 'node_modules') return false
  if (isDirectory && parts.length === 1 && OWN_TESTS.has(path)) return false
  if (isDirectory && parts.length === 2 && parts[0] === 'prebuilds') return parts[1] === `${os}-${cpu}`
  return isDirectory || !FOR_DEVELOPERS.test(path)
}
