/**
 * `npm run check`: everything that can be said of the code without running it. Runs all checks, shows the output of those that
 * fail, and exits 1 if any did.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { styleText } from 'node:util'

const root = join(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const ROOMS = [
  'protocol',
  'shards',
  'backend',
  'migration',
  'operator',
  'sdk',
  'servers',
  'demo',
  'bench',
  'image',
  'kubectl-flk',
  'e2e',
  'formal',
  'scripts',
]

interface Check {
  readonly name: string
  readonly args: readonly string[]
  /** What to do when it fails. */
  readonly remedy: string
}

const CHECKS: readonly Check[] = [
  { name: 'types', args: [join(root, 'node_modules/tsc7/bin/tsc'), '-p', '.'], remedy: 'fix the types' },
  { name: 'lint and format', args: [bin('biome'), 'ci', '--reporter=summary', '.'], remedy: 'npm run format' },
  {
    name: 'import rules',
    args: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', ...ROOMS],
    remedy: 'see the rooms in ARCHITECTURE.md; the code belongs elsewhere, or the port is missing',
  },
  { name: 'unused code and dependencies', args: [bin('knip'), '--no-progress'], remedy: 'remove what is not used' },
  {
    name: 'generated files',
    args: [join(root, 'scripts/generate.ts'), '--check'],
    remedy: 'npm run generate, and commit the result',
  },
]

function run(check: Check): Promise<{ ok: boolean; output: string; seconds: number }> {
  return new Promise((resolve) => {
    const started = Date.now()
    const child = spawn(process.execPath, check.args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        output += text
      })
    }
    child.on('close', (code) => resolve({ ok: code === 0, output, seconds: (Date.now() - started) / 1000 }))
  })
}

let failed = 0
for (const check of CHECKS) {
  const { ok, output, seconds } = await run(check)
  console.log(`${ok ? styleText('green', 'ok    ') : styleText('red', 'FAILED')} ${check.name} (${seconds.toFixed(1)} s)`)
  if (ok) continue
  failed++
  console.log(`${output.trim()}\n       -> ${check.remedy}`)
}
console.log(failed === 0 ? 'All checks passed.' : `${failed} of ${CHECKS.length} checks failed.`)
process.exitCode = failed === 0 ? 0 : 1
