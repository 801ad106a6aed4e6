/**
 * `npm run plugin`: makes the plugin, one executable file with everything in it, for Node 20 and later. CommonJS, since a file without
 * extension that is copied anywhere is read as that.
 */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'vite'

const room = join(import.meta.dirname, '..')
const name = 'kubectl-flk'

await build({
  root: room,
  configFile: false,
  logLevel: 'warn',
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: join(room, 'src/main.ts'),
    outDir: join(room, 'dist'),
    emptyOutDir: true,
    target: 'node20',
    rolldownOptions: { output: { format: 'cjs', entryFileNames: name, banner: '#!/usr/bin/env node' } },
  },
})
// Here, where it lies below a package of modules, Node has to be told.
await writeFile(join(room, 'dist/package.json'), '{ "type": "commonjs" }\n')
await chmod(join(room, 'dist', name), 0o755)
console.log(`made kubectl-flk/dist/${name}; put it into a folder of your PATH, and \`kubectl flk\` is there`)
