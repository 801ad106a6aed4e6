/**
 * The layer of our own code: the rooms of a production closure as they are in the checkout, without tests and what only tests use.
 * Rooms are linked from node_modules to their folder, since Node strips types only from files outside node_modules.
 */
import { join } from 'node:path'
import { type Entry, file, symlink } from '../tar/entries.ts'
import { APP, type Checkout } from './checkout.ts'
import { filesOf } from './files-of.ts'
import type { Closure } from './production-closure.ts'

const TEST_FOLDERS = new Set(['testing', 'conformance', 'golden'])
const isForDevelopers = (name: string) => name.endsWith('.test.ts') || name.endsWith('.md') || name.endsWith('.d.ts')

export function sourceLayer(checkout: Checkout, closure: Closure): Entry[] {
  const entries: Entry[] = [file(`${APP}/LICENSE`, { file: join(checkout.root, 'LICENSE') })]
  for (const [name, room] of closure.rooms) {
    const at = join(checkout.root, room)
    entries.push(file(`${APP}/${room}/package.json`, { file: join(at, 'package.json') }))
    for (const path of filesOf(join(at, 'src'), isProduct))
      entries.push(file(`${APP}/${room}/src/${path}`, { file: join(at, 'src', path) }))
    entries.push(symlink(`${APP}/node_modules/${name}`, `${'../'.repeat(name.split('/').length)}${room}`))
  }
  return entries
}

const isProduct = (path: string, isDirectory: boolean): boolean => {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return isDirectory ? !TEST_FOLDERS.has(name) : !isForDevelopers(name)
}
