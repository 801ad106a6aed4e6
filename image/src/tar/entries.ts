/**
 * What a layer holds, as data: every path once, with its parents, in byte order. Times, names of users and the order in which a disk
 * lists its files never get in, so the same content gives the same bytes.
 */

/** Content is given as bytes, or as a file that is read when the layer is written. */
export type Content = Buffer | { readonly file: string }

export type Entry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number; readonly owner: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly owner: number; readonly content: Content }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }

const ROOT = 0

export const directory = (path: string, mode = 0o755, owner = ROOT): Entry => ({ kind: 'directory', path, mode, owner })

export const file = (path: string, content: Content, mode = 0o644, owner = ROOT): Entry => ({
  kind: 'file',
  path,
  mode,
  owner,
  content,
})

export const symlink = (path: string, target: string): Entry => ({ kind: 'symlink', path, target })

/** Adds the parents that nobody named and sorts. Paths have no leading slash. The same path twice is a mistake of whoever lists. */
export function complete(entries: readonly Entry[]): Entry[] {
  const byPath = new Map<string, Entry>()
  for (const entry of entries) {
    if (entry.path.startsWith('/') || entry.path.split('/').includes('..'))
      throw new Error(`not a path inside a layer: ${entry.path}`)
    if (byPath.has(entry.path)) throw new Error(`a layer has ${entry.path} twice`)
    byPath.set(entry.path, entry)
  }
  for (const { path } of entries) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if (!byPath.has(parent)) byPath.set(parent, directory(parent))
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}
