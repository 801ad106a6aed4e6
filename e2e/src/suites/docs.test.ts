/** docs/kubernetes.md does what it says: each of its commands is given as it stands there, in one shell, to a cluster without an operator. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binDirectory } from '@fractal-lba/servers/kubernetes/build'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blocksOf, missingLine } from '../support/page.ts'
import { Shell } from '../support/shell.ts'
import { checkout, OPERATOR_NAMESPACE, OPERATOR_RELEASE, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const PAGE = 'docs/kubernetes.md'
const BLOCK_MS = 300_000
const blocks = blocksOf(readFileSync(join(checkout, PAGE), 'utf8'))
const scratch = mkdtempSync(join(tmpdir(), 'flk-docs-'))
let shell: Shell
let broken = false

beforeAll(async () => {
  await kubectl.helm([
    'uninstall',
    OPERATOR_RELEASE,
    '-n',
    OPERATOR_NAMESPACE,
    '--ignore-not-found',
    '--wait',
    '--timeout',
    '60s',
  ])
  await kubectl.deleteNamespace(OPERATOR_NAMESPACE)
  const env = { ...kubectl.env, PATH: `${binDirectory}:${process.env.PATH}`, TMPDIR: scratch }
  shell = new Shell(checkout, env, scratch)
})
afterAll(async () => {
  await shell?.end()
  await kubectl.deleteNamespace('prod')
  rmSync(scratch, { recursive: true })
})

describe(PAGE, () => {
  it('is read as the script that it is', () => {
    const written = readFileSync(join(checkout, PAGE), 'utf8').match(/^```bash$/gm)
    expect(blocks).toHaveLength(written?.length ?? 0)
    expect(blocks.filter(({ notRun }) => notRun === undefined).length).toBeGreaterThan(10)
  })

  for (const [index, { title, commands, notRun, shown }] of blocks.entries()) {
    const name = `${index + 1}. ${title}`
    if (notRun !== undefined) it(name, ({ skip }) => skip(notRun))
    else
      it(
        name,
        async () => {
          if (broken) throw new Error('a block before it failed')
          broken = true
          const output = await shell.run(commands, BLOCK_MS)
          expect(missingLine(shown, output), output).toBeUndefined()
          broken = false
        },
        BLOCK_MS + 10_000,
      )
  }
})
