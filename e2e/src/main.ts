/**
 * `npm run e2e [-- SUITE...]`: proves the operator and its charts on a real cluster. Brings the cluster up where it is not, makes and
 * loads the images, runs the suites one after the other, and takes the cluster down again if it was not there before.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { ensurePrograms } from '@fractal-lba/servers/kubernetes/build'
import { ARGOCD_PROGRAMS, CHART_PROGRAMS, CLUSTER_PROGRAMS } from '@fractal-lba/servers/kubernetes/programs'
import { Command } from 'commander'
import { openCluster } from './cluster/open-cluster.ts'
import { SUITES, type Suite } from './suites.ts'
import { checkout } from './support/world.ts'

const say = (line: string) => console.error(line)

interface Flags {
  readonly keep: boolean
  readonly retries: number
  readonly ifPossible: boolean
}

interface Outcome {
  readonly ok: boolean
  /** Tests passed, failed, skipped. */
  readonly counts: readonly [number, number, number]
}

interface Result extends Outcome {
  readonly suite: Suite
  readonly tries: number
  readonly seconds: number
}

const names = SUITES.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')
const program = new Command('e2e')
  .description('Proves the operator and its charts on a real cluster.')
  .argument('[suites...]', 'which suites (default: all)')
  .option('--keep', 'leave the cluster up', false)
  .option(
    '--retries <n>',
    'run a suite that failed again, so often at most, and say that it was',
    (text) => Number.parseInt(text, 10),
    0,
  )
  .option('--if-possible', 'on a machine that can run no cluster say why, and do without the suites that need one', false)
  .addHelpText('after', `\nSuites:\n${names}\n\nExit code 0: all passed; 1: a suite failed; 2: it could not be run.`)
  .action(async (wanted: string[], flags: Flags) => {
    const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name))
    if (unknown.length > 0) throw new Error(`There is no suite ${unknown.join(', ')}; the suites are:\n${names}`)
    const suites = wanted.length === 0 ? SUITES : SUITES.filter(({ name }) => wanted.includes(name))
    const results = await runSuites(suites, flags)
    report(results)
    process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
  })

async function runSuites(suites: readonly Suite[], flags: Flags): Promise<Result[]> {
  const onApi = suites.filter(({ needs }) => needs === 'api')
  const onCluster = suites.filter(({ needs }) => needs !== 'api')
  await ensurePrograms(programsFor(suites), say)
  const results = await runAll(onApi, {}, flags)
  if (onCluster.length === 0) return results
  const reason = flags.ifPossible ? await (await openCluster(say)).whyNot() : undefined
  if (reason === undefined) return [...results, ...(await runOnCluster(onCluster, flags))]
  say(`SKIPPED ${onCluster.map(({ name }) => name).join(', ')}: ${reason}`)
  return results
}

function programsFor(suites: readonly Suite[]) {
  const argocd = suites.some(({ needs }) => needs === 'argocd' || needs === 'api')
  return [...CLUSTER_PROGRAMS, ...CHART_PROGRAMS, ...(argocd ? ARGOCD_PROGRAMS : [])]
}

async function runOnCluster(suites: readonly Suite[], flags: Flags): Promise<Result[]> {
  const cluster = await openCluster(say)
  const wasUp = (await cluster.status()).some(({ running }) => running)
  await timed('the cluster is up', () => cluster.up())
  try {
    await timed('the images are made and loaded', async () => {
      await runNode(['image/src/main.ts', '--test-servers'], {})
      for (const name of ['fractal-lba', 'fractal-lba-operator', 'redis', 'postgres'])
        await cluster.loadImage(join(checkout, 'image/dist', `${name}.tar`))
    })
    return await runAll(suites, { FLK_E2E_KUBECONFIG: cluster.kubeconfig }, flags, () => cluster.recycleVolumes())
  } finally {
    if (!flags.keep && !wasUp) await cluster.down()
  }
}

async function runAll(
  suites: readonly Suite[],
  env: NodeJS.ProcessEnv,
  { retries }: Flags,
  before: () => Promise<void> = async () => undefined,
): Promise<Result[]> {
  const results: Result[] = []
  for (const suite of suites) {
    say(styleText('bold', `\n${suite.name}: ${suite.what}`))
    const startedMs = Date.now()
    let tries = 0
    let last: Outcome = { ok: false, counts: [0, 0, 0] }
    while (!last.ok && tries <= retries) {
      tries++
      await before()
      last = await runVitest(suite.files, env)
    }
    results.push({ suite, ...last, tries, seconds: (Date.now() - startedMs) / 1000 })
  }
  return results
}

function report(results: readonly Result[]): void {
  console.log('')
  for (const { suite, ok, tries, seconds } of results) {
    const word = ok ? styleText('green', 'passed') : styleText('red', 'FAILED')
    console.log(
      `${word}  ${suite.name.padEnd(10)} ${`${seconds.toFixed(0)} s`.padStart(6)}  ${suite.what}${tries > 1 ? ` (run ${tries} times: look at the failures above)` : ''}`,
    )
  }
  const total = (index: 0 | 1 | 2) => results.reduce((sum, { counts }) => sum + counts[index], 0)
  console.log(`${total(0)} passed, ${total(1)} failed, ${total(2)} skipped`)
}

/** The line that ends each run, for whatever reads the log; see scripts/closing-line.ts. */
const CLOSING_LINE = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m

async function runVitest(files: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'e2e/vitest.config.ts', ...files]
  let tail = ''
  const ok = await runNode(args, env, (text) => {
    process.stdout.write(text)
    tail = (tail + text).slice(-4000)
  }).then(
    () => true,
    () => false,
  )
  const [, passed = 0, failed = 0, skipped = 0] = CLOSING_LINE.exec(tail) ?? []
  return { ok, counts: [Number(passed), Number(failed), Number(skipped)] }
}

async function timed(what: string, act: () => Promise<void>): Promise<void> {
  const startedMs = Date.now()
  await act()
  say(`${what} (${Math.round((Date.now() - startedMs) / 1000)} s)`)
}

function runNode(args: readonly string[], env: NodeJS.ProcessEnv, onOutput?: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: checkout,
      stdio: ['ignore', onOutput ? 'pipe' : 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    })
    if (onOutput) child.stdout?.setEncoding('utf8').on('data', onOutput)
    child.on('error', reject)
    child.on('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`${args[0]} ended with ${code ?? signal}`))))
  })
}

program.parseAsync().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
