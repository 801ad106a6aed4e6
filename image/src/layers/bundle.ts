/**
 * A program as a few JavaScript files with all that it imports. It does what the sources beside it do, in less memory (Node needs no
 * compiler for types, and modules that nobody calls are not there) and starts several times faster.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'
import { type Entry, file } from '../tar/entries.ts'
import { APP } from './checkout.ts'

/** Where a room's bundle lies in an image, and which file of it runs. */
export const bundleFolder = (room: string): string => `${APP}/${room}/bundle`
export const BUNDLE_MAIN = 'main.mjs'

export async function bundleLayer(root: string, room: string): Promise<Entry[]> {
  return [...(await bundle(root, room))].map(([name, code]) => file(`${bundleFolder(room)}/${name}`, Buffer.from(code)))
}

/** Writes a room's bundle to a folder. @returns the file that runs. */
export async function writeBundle(root: string, room: string, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (const [name, code] of await bundle(root, room)) writeFileSync(join(folder, name), code)
  return join(folder, BUNDLE_MAIN)
}

/** By file name. Names of functions and lines stay as they are written, since people read stack traces. */
async function bundle(root: string, room: string): Promise<ReadonlyMap<string, string>> {
  const main = join(root, room, 'src/main.ts')
  const made = await build({
    root: join(root, room),
    configFile: false,
    // Dependencies have oddities of their own (a module that is imported in two ways); an error is thrown anyhow.
    logLevel: 'error',
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: main,
      write: false,
      minify: false,
      target: 'node24',
      rolldownOptions: { output: { format: 'esm', entryFileNames: BUNDLE_MAIN, chunkFileNames: '[name].mjs' } },
    },
  })
  if (!('output' in made)) throw new Error(`${main} did not become one bundle`)
  return new Map(made.output.flatMap((part) => (part.type === 'chunk' ? [[part.fileName, part.code] as const] : [])))
}
