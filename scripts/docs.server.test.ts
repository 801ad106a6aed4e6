/**
 * Runs the commands that the pages show, as they stand there but for addresses and folders, on real servers. A page whose command
 * does not work is a broken promise, and a command that no test here knows is one too.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startRedis } from '@fractal-lba/servers/redis'
import { freePort, type RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const read = (page: string) => readFileSync(join(root, page), 'utf8')
const scratch = mkdtempSync(join(tmpdir(), 'flk-docs-'))
const shards: RunningServer[] = []
const children: ChildProcess[] = []

beforeAll(async () => {
  shards.push(...(await Promise.all([startRedis(), startRedis(), startRedis()])))
})
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  await Promise.all(shards.map((shard) => shard.stop()))
  rmSync(scratch, { recursive: true })
})

/** The fenced blocks of a page, in order; `language` as after the fence ('' for none). */
function blocks(page: string, language: string): string[] {
  const found = [...read(page).matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)]
  return found.filter(([, written]) => written === language).map(([, , text]) => text as string)
}

/** The only block that has all of these words. */
function block(page: string, language: string, ...words: string[]): string {
  const matching = blocks(page, language).filter((text) => words.every((word) => text.includes(word)))
  expect(matching, `blocks of ${page} with ${words.join(', ')}`).toHaveLength(1)
  return matching[0] as string
}

const urlOf = (index: number) => (shards[index] as RunningServer).url

function shell(commands: string, env: Record<string, string> = {}): string {
  const done = spawnSync('bash', ['-ec', commands], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  })
  expect({ code: done.status, errors: done.status === 0 ? '' : done.stderr, commands }).toEqual({ code: 0, errors: '', commands })
  return done.stdout
}

/** Starts commands that keep running, and waits for their line of JSON. */
async function serve(commands: string, env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const child = spawn(
    'bash',
    ['-ec', commands.replace(/npm run (backend|operator)( --)?/, 'exec node scripts/run.mjs $1/src/main.ts')],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  children.push(child)
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('{')) return JSON.parse(line)
  throw new Error(`${commands} ended before it served: ${errors}`)
}

describe('README.md', () => {
  it('shows options of npm start that there are', () => {
    const help = shell('node scripts/run.mjs demo/src/main.ts --help')
    const shown = blocks('README.md', 'bash')
      .join('\n')
      .matchAll(/npm start -- (--[\w-]+)(?: ([\w-]+))?/g)
    const words = [...shown].flatMap(([, option, value]) => [option, value]).filter((word) => word !== undefined)
    expect(words.length).toBeGreaterThan(8)
    for (const word of words) expect(help).toContain(word)
  })

  it('takes a verifier to your own Redis, submits to it, plans a move, and starts the operator', async () => {
    const [port, adminPort] = [await freePort(), await freePort()]
    const at = (text: string) =>
      text
        .replaceAll('redis://127.0.0.1:6379', urlOf(0))
        .replaceAll('redis://127.0.0.1:6380', urlOf(1))
        .replaceAll('redis://127.0.0.1:6381', urlOf(2))
        .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
        .replaceAll('./my-fleet', join(scratch, 'my-fleet'))
    const surroundings = { PORT: `${port}`, FLK_ADMIN_PORT: `${adminPort}`, WAL_DIR: join(scratch, 'wal'), FLK_POD_NAME: 'pod-0' }
    const listening = await serve(at(block('README.md', 'bash', 'npm run backend')), surroundings)
    expect(listening).toMatchObject({ event: 'listening', port })
    expect(JSON.parse(shell(at(block('README.md', 'bash', 'curl'))))).toMatchObject({ accepted: true })

    const [plan, operator] = at(block('README.md', 'bash', 'dedup-migrate plan')).split('\n') as [string, string]
    expect(shell(plan)).toContain('of 16,384 slots')
    const folder = join(scratch, 'my-fleet')
    mkdirSync(folder)
    writeFileSync(join(folder, 'admin.token'), 'change-me-please')
    writeFileSync(
      join(folder, 'fleet.yaml'),
      block('docs/operator-local.md', 'yaml', 'kind: Fleet').replaceAll(/127.0.0.1:808\d/g, `127.0.0.1:${adminPort}`),
    )
    expect(await serve(operator)).toMatchObject({ event: 'serving' })
    expect(shell(`node scripts/run.mjs operator/src/main.ts status --local ${folder} --output json`)).toBeTruthy()
  })
})

describe('docs/dedup-migrate.md', () => {
  it('plans, runs with a key and a certificate, and checks it', () => {
    const at = (text: string) =>
      text
        .replaceAll('redis://a:6379', urlOf(0))
        .replaceAll('redis://b:6379', urlOf(1))
        .replaceAll('redis://c:6379', urlOf(2))
        .replaceAll(/(operator(\.pub)?\.pem|m\.json)/g, (file) => join(scratch, file))
    const [plan, run] = at(block('docs/dedup-migrate.md', '', 'plan  --from')).split('\n') as [string, string]
    expect(shell(plan)).toContain('Migration')
    const [keys, certified, verify] = at(block('docs/dedup-migrate.md', '', 'genpkey')).split('\n') as [string, string, string]
    shell(keys)
    // The page shows the dots for the lists and options of the line above.
    const options = run.slice(run.indexOf('--from'))
    shell(certified.replace('...', `${options} --soak 0 --step-seconds 0`))
    expect(shell(verify)).toMatch(/holds|valid|unchanged|certificate/i)
  })
})

describe('CONTRIBUTING.md', () => {
  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...read('CONTRIBUTING.md').matchAll(/^npm (?:run )?(\w+)/gm)].map(([, name]) => name as string)
    expect(named.length).toBeGreaterThan(5)
    for (const name of named) expect(scripts).toHaveProperty(name)
  })
})
