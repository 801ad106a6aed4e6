import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const planted: string[] = []

function plant(file: string, text: string): string {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
  planted.push(file)
  return file
}

afterEach(() => {
  for (const file of planted.splice(0)) rmSync(join(root, file))
  rmSync(join(root, 'operator/src/planted'), { recursive: true, force: true })
})

/** The names of the rules that a file breaks. */
function brokenRules(file: string): string[] {
  const bin = join(root, 'node_modules', '.bin', 'depcruise')
  const done = spawnSync(process.execPath, [bin, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', file], {
    cwd: root,
    encoding: 'utf8',
  })
  const { summary } = JSON.parse(done.stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } }
  return summary.violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name)
}

// A checker that resolves nothing finds nothing: each kind of rule must be seen to catch a planted violation.
it.each([
  ['operator/src/planted.ts', `import '../../backend/src/dedup/port.ts'`, 'operator-imports-only-what-it-may-know'],
  ['protocol/src/planted.ts', `import '@fractal-lba/shards/address'`, 'protocol-imports-only-what-it-may-know'],
  ['protocol/src/planted.ts', `import 'node:fs'`, 'protocol-does-no-io'],
  ['backend/src/wal/planted.ts', `import '../dedup/port.ts'`, 'backend-wal-does-not-look-up'],
  ['operator/src/runtime/planted.ts', `import '@fractal-lba/protocol/ring/slots'`, 'operator-runtime-knows-no-domain'],
  ['operator/src/planted/decide.ts', `import 'node:fs/promises'`, 'decisions-are-pure'],
  ['servers/src/planted.ts', `import './servers.server.test.ts'`, 'tests-stay-out-of-products'],
  ['servers/src/planted.ts', `import './nowhere.ts'`, 'everything-resolves'],
])('%s with %s breaks %s', (file, text, rule) => {
  expect(brokenRules(plant(file, `${text}\nexport {}\n`))).toContain(rule)
})

it('a file that keeps the rules breaks none', () => {
  expect(brokenRules(plant('shards/src/planted.ts', `import '@fractal-lba/protocol/ring/slots'\nexport {}\n`))).toEqual([])
})
