/**
 * `npm run e2e [-- SUITE...]`: proves the operator and its charts on a real cluster. Brings the cluster up where it is not, makes and
 * loads the images, runs the suites, and takes the cluster down again if it was not there before.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { GoIsMissing } from '@fractal-lba/servers/go-programs'
import { ensurePrograms } from '@fractal-lba/servers/kubernetes/build'
import { ARGOCD_PROGRAMS, CHART_PROGRAMS, CLUSTER_PROGRAMS } from '@fractal-lba/servers/kubernetes/programs'
import { Command } from 'commander'
import { openCluster } from './cluster/open-cluster.ts'
import type { Cluster } from './cluster/port.ts'
import { type Result, runSuites } from './run-suites.ts'
import { SUITES, type Suite } from './suites.ts'
import { run } from './support/run-command.ts'
import { checkout } from './support/world.ts'

const IMAGES = ['fractal-lba', 'fractal-lba-operator', 'redis', 'postgres']

interface Flags {
  readonly keep: boolean
  readonly retries: number
  readonly ifPossible: boolean
}

const say = (line: string) => console.error(line)
const names = SUITES.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')
const program = new Command('e2e')
  .description('Proves the operator and its charts on a real cluster.')
  .argument('[suites...]', 'which suites (default: all)')
  .option('--keep', 'leave the cluster up', false)
  .option('--retries <n>', 'run a suite that failed again, so often at most, and say that it was', parseCount, 0)
  .option('--if-possible', 'on a machine that can run no cluster say why, and do without the suites that need one', false)
  .addHelpText('after', `\nSuites:\n${names}\n\nExit code 0: all passed; 1: a suite failed; 2: it could not be run.`)
  .action(async (wanted: string[], flags: Flags) => {
    const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name))
    if (unknown.length > 0) throw new Error(`There is no suite ${unknown.join(', ')}; the suites are:\n${names}`)
    const suites = wanted.length === 0 ? SUITES : SUITES.filter(({ name }) => wanted.includes(name))
    const results = await runAll(suites, flags)
    report(results)
    process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
  })

async function runAll(suites: readonly Suite[], flags: Flags): Promise<Result[]> {
  const onApi = suites.filter(({ needs }) => needs === 'api')
  const onCluster = suites.filter(({ needs }) => needs !== 'api')
  const missing = await buildOrSay(suites, flags.ifPossible)
  if (missing !== undefined) {
    say(`SKIPPED ${suites.map(({ name }) => name).join(', ')}: ${missing}`)
    return []
  }
  const withoutCluster = () => runSuites(onApi, { env: {}, retries: flags.retries, before: async () => undefined, say })
  if (onCluster.length === 0) return withoutCluster()
  const cluster = await openCluster(say)
  const wasUp = (await cluster.status()).some(({ running }) => running)
  const reason = await startOrSay(cluster, flags.ifPossible)
  if (reason !== undefined) {
    say(`SKIPPED ${onCluster.map(({ name }) => name).join(', ')}: ${reason}`)
    return withoutCluster()
  }
  try {
    return await runOnCluster(cluster, suites, flags.retries)
  } finally {
    if (!flags.keep && !wasUp) await cluster.down()
  }
}

/** @returns why the programs cannot be built here, where doing without is allowed. A build that fails is a failure everywhere. */
async function buildOrSay(suites: readonly Suite[], ifPossible: boolean): Promise<string | undefined> {
  try {
    await ensurePrograms(programsFor(suites), say)
    return undefined
  } catch (error) {
    if (!ifPossible || !(error instanceof GoIsMissing)) throw error
    return error.message
  }
}

/** @returns why there is no cluster, where doing without is allowed: what a kernel refuses is found only by asking for it. */
async function startOrSay(cluster: Cluster, ifPossible: boolean): Promise<string | undefined> {
  const reason = ifPossible ? await cluster.whyNot() : undefined
  if (reason !== undefined) return reason
  try {
    await timed('the cluster is up', () => cluster.up())
    return undefined
  } catch (error) {
    if (!ifPossible) throw error
    await cluster.down()
    return `it could not be started: ${(error as Error).message}`
  }
}

async function runOnCluster(cluster: Cluster, suites: readonly Suite[], retries: number): Promise<Result[]> {
  await timed('the images are made and loaded', async () => {
    await run(process.execPath, [join(checkout, 'image/src/main.ts'), '--test-servers'])
    for (const name of IMAGES) await cluster.loadImage(join(checkout, 'image/dist', `${name}.tar`))
  })
  const operatorImage = await readFile(join(checkout, 'image/dist/fractal-lba-operator.tar'))
  const env = {
    FLK_E2E_KUBECONFIG: cluster.kubeconfig,
    FLK_E2E_OPERATOR_DIGEST: createHash('sha256').update(operatorImage).digest('hex').slice(0, 12),
  }
  return runSuites(suites, { env, retries, before: () => cluster.recycleVolumes(), say })
}

function programsFor(suites: readonly Suite[]) {
  const argocd = suites.some(({ needs }) => needs === 'argocd' || needs === 'api')
  return [...CLUSTER_PROGRAMS, ...CHART_PROGRAMS, ...(argocd ? ARGOCD_PROGRAMS : [])]
}

function report(results: readonly Result[]): void {
  console.log('')
  for (const { suite, ok, tries, seconds, failures } of results) {
    const word = ok ? styleText('green', 'passed') : styleText('red', 'FAILED')
    const again = tries > 1 ? ` (run ${tries} times)` : ''
    console.log(`${word}  ${suite.name.padEnd(10)} ${`${seconds.toFixed(0)} s`.padStart(6)}  ${suite.what}${again}`)
    // Said again here, since a log is read from its end.
    for (const failure of failures) console.log(`          ${failure}`)
  }
  const total = (index: 0 | 1 | 2) => results.reduce((sum, { counts }) => sum + counts[index], 0)
  console.log(`${total(0)} passed, ${total(1)} failed, ${total(2)} skipped`)
}

async function timed(what: string, act: () => Promise<void>): Promise<void> {
  const startedMs = Date.now()
  await act()
  say(`${what} (${Math.round((Date.now() - startedMs) / 1000)} s)`)
}

function parseCount(text: string): number {
  if (!/^\d$/.test(text)) throw new Error(`--retries takes a number from 0 to 9, not ${text}`)
  return Number(text)
}

program.parseAsync().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
