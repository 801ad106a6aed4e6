// node scripts/run.mjs FILE.ts ARGS...   or   node scripts/run.mjs --bin NAME ARGS...
// Runs a source file, or the command NAME of an installed package, under Node 24.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNode24, runInForeground } from './node24.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function binOf(name) {
  const home = join(root, 'node_modules', name === 'biome' ? '@biomejs/biome' : name)
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return join(home, typeof bin === 'string' ? bin : bin[name])
}

const node = findNode24()
if (!node || !existsSync(join(root, 'node_modules'))) {
  console.error('The project is not installed yet: run `node scripts/install.mjs` (npm start and npm test do it by themselves).')
  process.exit(1)
}
const [first, ...rest] = process.argv.slice(2)
const args = first === '--bin' ? [binOf(rest[0]), ...rest.slice(1)] : [join(root, first), ...rest]
runInForeground(node, ['--disable-warning=ExperimentalWarning', ...args])
