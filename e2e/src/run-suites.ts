/**
 * Runs suites as vitest processes: those that bear company, a few at a time, their output shown when each has ended; those that restart
 * operators or need the machine for themselves, alone and as they go.
 */
import { spawn } from 'node:child_process'
import { styleText } from 'node:util'
import type { Suite } from './suites.ts'
import { checkout } from './support/world.ts'

/** Most of a suite is waiting for a cluster that works with all the machine has. */
const AT_ONCE = 3

export interface Result {
  readonly suite: Suite
  readonly ok: boolean
  /** Tests passed, failed, skipped, in the last try. */
  readonly counts: readonly [number, number, number]
  readonly tries: number
  readonly seconds: number
}

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv
  /** Further tries of a suite that failed. */
  readonly retries: number
  /** Before each suite; never twice at once. */
  readonly before: () => Promise<void>
  readonly say: (line: string) => void
}

export async function runSuites(suites: readonly Suite[], given: RunOptions): Promise<Result[]> {
  const options = { ...given, before: oneAtATime(given.before) }
  const together = suites.filter(({ alone }) => !alone)
  const results = await runTogether(together, options)
  for (const suite of suites.filter(({ alone }) => alone)) results.push(await runSuite(suite, options, true))
  return results
}

function oneAtATime(act: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return () => {
    const mine = last.then(act)
    // Whoever called that one is told if it failed; the next is not.
    last = mine.catch(() => undefined)
    return mine
  }
}

async function runTogether(suites: readonly Suite[], options: RunOptions): Promise<Result[]> {
  const results: Result[] = []
  const waiting = [...suites]
  const worker = async () => {
    for (let suite = waiting.shift(); suite; suite = waiting.shift())
      results.push(await runSuite(suite, options, suites.length === 1))
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, suites.length) }, worker))
  return results
}

/** @param live whether its output may be shown as it comes */
async function runSuite(suite: Suite, { env, retries, before, say }: RunOptions, live: boolean): Promise<Result> {
  const startedMs = Date.now()
  const seconds = () => (Date.now() - startedMs) / 1000
  for (let tries = 1; ; tries++) {
    say(styleText('bold', `${suite.name} begins: ${suite.what}`))
    await before()
    let output = ''
    const ok = await runVitest(suite.files, env, (text) => {
      output += text
      if (live) process.stdout.write(text)
    })
    if (!live) process.stdout.write(`\n${styleText('bold', `${suite.name}:`)}\n${output}`)
    const [, passed = 0, failed = 0, skipped = 0] = CLOSING_LINE.exec(output) ?? []
    const counts = [Number(passed), Number(failed), Number(skipped)] as const
    if (ok || tries > retries) return { suite, ok, counts, tries, seconds: seconds() }
    say(`${suite.name} failed after ${seconds().toFixed(0)} s; it is tried again.`)
  }
}

/** The line that ends each run, for whatever reads the log; see scripts/closing-line.ts. */
const CLOSING_LINE = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m

function runVitest(files: readonly string[], env: NodeJS.ProcessEnv, onOutput: (text: string) => void): Promise<boolean> {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'e2e/vitest.config.ts', ...files]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...vitest], {
      cwd: checkout,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
    })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', onOutput)
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0))
  })
}
