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

interface Result {
  readonly suite: Suite
  readonly ok: boolean
  readonly seconds: number
}

const names = SUITES.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')
const program = new Command('e2e')
  .description('Proves the operator and its charts on a real cluster.')
  .argument('[suites...]', 'which suites (default: all)')
  .option('--keep', 'leave the cluster up', false)
  .addHelpText('after', `\nSuites:\n${names}\n\nExit code 0: all passed; 1: a suite failed; 2: it could not be run.`)
  .action(async (wanted: string[], { keep }: { keep: boolean }) => {
    const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name))
    if (unknown.length > 0) throw new Error(`There is no suite ${unknown.join(', ')}; the suites are:\n${names}`)
    const suites = wanted.length === 0 ? SUITES : SUITES.filter(({ name }) => wanted.includes(name))
    await ensurePrograms(programsFor(suites), say)
    const results = suites.every(({ needs }) => needs === 'api') ? await runAll(suites, {}) : await runOnCluster(suites, keep)
    report(results)
    process.exitCode = results.every(({ ok }) => ok) ? 0 : 1
  })

function programsFor(suites: readonly Suite[]) {
  const argocd = suites.some(({ needs }) => needs === 'argocd' || needs === 'api')
  return [...CLUSTER_PROGRAMS, ...CHART_PROGRAMS, ...(argocd ? ARGOCD_PROGRAMS : [])]
}

async function runOnCluster(suites: readonly Suite[], keep: boolean): Promise<Result[]> {
  const cluster = await openCluster(say)
  const wasUp = (await cluster.status()).some(({ running }) => running)
  await timed('the cluster is up', () => cluster.up())
  try {
    await timed('the images are made and loaded', async () => {
      await runNode(['image/src/main.ts', '--test-servers'], {})
      for (const name of ['fractal-lba', 'fractal-lba-operator', 'redis', 'postgres'])
        await cluster.loadImage(join(checkout, 'image/dist', `${name}.tar`))
    })
    return await runAll(suites, { FLK_E2E_KUBECONFIG: cluster.kubeconfig })
  } finally {
    if (!keep && !wasUp) await cluster.down()
  }
}

async function runAll(suites: readonly Suite[], env: NodeJS.ProcessEnv): Promise<Result[]> {
  const results: Result[] = []
  for (const suite of suites) {
    say(styleText('bold', `\n${suite.name}: ${suite.what}`))
    const startedMs = Date.now()
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'e2e/vitest.config.ts', ...suite.files]
    const ok = await runNode(vitest, env).then(
      () => true,
      () => false,
    )
    results.push({ suite, ok, seconds: (Date.now() - startedMs) / 1000 })
  }
  return results
}

function report(results: readonly Result[]): void {
  console.log('')
  for (const { suite, ok, seconds } of results) {
    const word = ok ? styleText('green', 'passed') : styleText('red', 'FAILED')
    console.log(`${word}  ${suite.name.padEnd(10)} ${`${seconds.toFixed(0)} s`.padStart(6)}  ${suite.what}`)
  }
}

async function timed(what: string, act: () => Promise<void>): Promise<void> {
  const startedMs = Date.now()
  await act()
  say(`${what} (${Math.round((Date.now() - startedMs) / 1000)} s)`)
}

function runNode(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      cwd: checkout,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    })
    child.on('error', reject)
    child.on('close', (code, signal) => (code === 0 ? resolve() : reject(new Error(`${args[0]} ended with ${code ?? signal}`))))
  })
}

program.parseAsync().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
