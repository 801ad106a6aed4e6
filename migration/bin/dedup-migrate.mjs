#!/usr/bin/env node
// Runs the command's TypeScript source under Node 24, whichever Node started this. Plain JavaScript, so that an older one can.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureNode24, runInForeground } from '../../scripts/node24.mjs'

const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'cli', 'main.ts')
try {
  runInForeground(await ensureNode24(), ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)])
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
