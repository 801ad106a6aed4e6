/**
 * Runs suites as vitest processes: those that share the cluster a few at a time; then those that need it for themselves one after the
 * other, and beside them those that do without it. Of those that run side by side one's output is shown as it comes at the most, that of
 * the others when they have ended.
 */
import { spawn } from 'node:child_process'
import { styleText } from 'node:util'
import type { Suite } from './suites.ts'
import { checkout } from './support/world.ts'

/** Each has a fleet under load; more of them than processors wait for each other. */
const AT_ONCE = 2

export interface Result {
  readonly suite: Suite
  readonly ok: boolean
  /** Tests passed, failed, skipped, in the last try. */
  readonly counts: readonly [number, number, number]
  /** A line for each failure, of all tries. */
  readonly failures: readonly string[]
  readonly tries: number
  readonly seconds: number
}

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv
  /** Further tries of a suite that failed, with no other on the cluster. */
  readonly retries: number
  /** Before each suite on the cluster; never twice at once. */
  readonly before: () => Promise<void>
  readonly say: (line: string) => void
}

export async function runSuites(suites: readonly Suite[], given: RunOptions): Promise<Result[]> {
  const options = { ...given, before: oneAtATime(given.before) }
  const onCluster = suites.filter(({ needs }) => needs !== 'api')
  const elsewhere = suites.filter(({ needs }) => needs === 'api')
  const results = await runTogether(
    onCluster.filter(({ alone }) => !alone),
    options,
  )
  // What failed in company may have failed of it, so it is tried again without any.
  const first: Result[] = []
  for (const result of results) first.push(await tryAgain(result, options, true))
  const alone = onCluster.filter((suite) => suite.alone)
  const lanes = [runInOrder(alone, options, true), runInOrder(elsewhere, options, alone.length === 0)]
  return [...first, ...(await Promise.all(lanes)).flat()]
}

async function runInOrder(suites: readonly Suite[], options: RunOptions, live: boolean): Promise<Result[]> {
  const results: Result[] = []
  for (const suite of suites) results.push(await tryAgain(await runSuite(suite, options, live), options, live))
  return results
}

async function tryAgain(first: Result, options: RunOptions, live: boolean): Promise<Result> {
  let result = first
  while (!result.ok && result.tries <= options.retries) {
    options.say(`${result.suite.name} failed after ${result.seconds.toFixed(0)} s; it is tried again.`)
    const { ok, counts, failures, seconds } = await runSuite(result.suite, options, live)
    const both = { failures: [...result.failures, ...failures], seconds: result.seconds + seconds }
    result = { ...result, ...both, ok, counts, tries: result.tries + 1 }
  }
  return result
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
async function runSuite(suite: Suite, { env, before, say }: RunOptions, live: boolean): Promise<Result> {
  const startedMs = Date.now()
  say(styleText('bold', `${suite.name} begins: ${suite.what}`))
  if (suite.needs !== 'api') await before()
  let output = ''
  const ok = await runVitest(suite.files, env, (text) => {
    output += text
    if (live) process.stdout.write(text)
  })
  if (!live) process.stdout.write(`\n${styleText('bold', `${suite.name}:`)}\n${output}`)
  const [, passed = 0, failed = 0, skipped = 0] = CLOSING_LINE.exec(output) ?? []
  const counts = [Number(passed), Number(failed), Number(skipped)] as const
  const failures = [...output.matchAll(FAILURE_LINES)].map(([line]) => line)
  return { suite, ok, counts, failures, tries: 1, seconds: (Date.now() - startedMs) / 1000 }
}

/** What ends each run, for whatever reads the log; see scripts/closing-line.ts. */
const CLOSING_LINE = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m
const FAILURE_LINES = /^failed: .*$/gm

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
