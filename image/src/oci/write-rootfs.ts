/** Lays the entries of an image out in a folder: what the Dockerfile copies into its scratch stage, and what `chroot` can run. */
import { chmodSync, chownSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { complete, type Entry } from '../tar/entries.ts'

/** Layers in their order; a directory of a later one may be there already. Owners are set only where this user may set them. */
export function writeRootfs(layers: readonly (readonly Entry[])[], folder: string): void {
  const mayChown = process.getuid?.() === 0
  for (const entry of layers.flatMap((layer) => complete(layer))) {
    const at = join(folder, entry.path)
    if (entry.kind === 'symlink') {
      symlinkSync(entry.target, at)
      continue
    }
    if (entry.kind === 'directory') mkdirSync(at, { recursive: true })
    else if (Buffer.isBuffer(entry.content)) writeFileSync(at, entry.content)
    else copyFileSync(entry.content.file, at)
    if (mayChown) chownSync(at, entry.owner, entry.owner)
    // After chown, which takes special bits away, and by itself since mkdir heeds the umask.
    chmodSync(at, entry.mode)
  }
}
