/** `npm run history`: makes a history of a real fleet under faults and checks it, or checks one that was kept. */
import { randomInt } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judge, type Verdict } from '@fractal-lba/demo/audit/judge'
import { onInterrupt } from '@fractal-lba/demo/processes/interrupt'
import { Nursery } from '@fractal-lba/demo/processes/nursery'
import { Events } from '@fractal-lba/demo/view/events'
import { GoPrograms } from '@fractal-lba/servers/go-programs'
import { type Checked, checkBoth } from './check/check.ts'
import { PORCUPINE } from './check/porcupine.ts'
import { whyNoStrace } from './faults/strace.ts'
import { TOXIPROXY } from './faults/toxiproxy.ts'
import type { PartialFleet } from './fleet/fleet.ts'
import { EXIT, parseCommandLine, type RunOptions } from './options.ts'
import { chooseKinds } from './run/fault-kinds.ts'
import { type MadeHistory, makeHistory, stopFleet } from './run/make-history.ts'
import { type Outcome, outcomeHolds, outcomeJson, outcomeText } from './view/outcome.ts'
import { ProgressView } from './view/progress.ts'
import { checkedLines, checkHolds } from './view/report.ts'

const SEEDS = 2 ** 31
const programs = new GoPrograms('history')
const order = parseCommandLine(process.argv.slice(2), () => randomInt(SEEDS))
try {
  process.exitCode = order.kind === 'check' ? await check(order.file, order.output) : await run(order.options)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = EXIT.couldNotRun
}

async function check(file: string, output: 'text' | 'json'): Promise<number> {
  await programs.ensure([PORCUPINE], console.error)
  const checked = await checkBoth(programs.path(PORCUPINE.name), file)
  console.log(output === 'json' ? JSON.stringify(checked, null, 2) : checkedLines(checked).join('\n'))
  return checkHolds(checked) ? EXIT.holds : EXIT.violated
}

async function run(options: RunOptions): Promise<number> {
  const progress = new ProgressView(process.stderr, options)
  const startedAtMs = performance.now()
  const events = new Events(() => Date.now())
  events.onEvent(({ text }) => progress.say(`${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${text}`))
  await programs.ensure([PORCUPINE, TOXIPROXY], (line) => progress.say(line))
  const { kinds, leftOut } = chooseKinds(options.backend, whyNoStrace())
  events.info(`seed ${options.seed}: faults of ${kinds.length} kinds, about every ${options.gapMs / 1000} s`)
  for (const what of leftOut) events.warn(what)

  const dir = await mkdtemp(join(tmpdir(), 'flk-history-'))
  await mkdir(join(dir, 'logs'))
  const nursery = Nursery.open(join(dir, 'logs'))
  const fleet: PartialFleet = {}
  const interrupt = onInterrupt((signal) =>
    events.warn(`${signal}: stopping everything, then checking what there is (once more to leave at once)`),
  )
  const parts = {
    options,
    faultKinds: kinds,
    dir,
    toxiproxy: programs.path('toxiproxy-server'),
    nursery,
    events,
    progress,
    fleet,
    interrupted: () => interrupt.caught,
  }
  let made: MadeHistory | undefined
  let audited: Verdict | undefined
  let checked: Checked | undefined
  const problems = () => events.all.filter(({ level }) => level === 'bad').map(({ text }) => text)
  try {
    made = await makeHistory(parts)
    // A migration that did not come to its end is a problem by itself; what it leaves behind is none besides.
    audited = judge(made.evidence, { settled: problems().length === 0 })
    checked = await checkBoth(programs.path(PORCUPINE.name), made.file)
  } catch (error) {
    events.bad((error as Error).message)
  } finally {
    progress.end()
    await stopFleet(fleet).catch((error: Error) => events.bad(error.message))
    await nursery.close()
  }
  const outcome: Outcome = { options, made, audited, checked, problems: problems() }
  const holds = outcomeHolds(outcome)
  const kept = !holds || options.keep ? dir : undefined
  console.log(options.output === 'json' ? outcomeJson(outcome, kept) : outcomeText(outcome, kept))
  if (!kept) await rm(dir, { recursive: true, force: true })
  if (holds) return interrupt.caught ? EXIT.interrupted : EXIT.holds
  return made ? EXIT.violated : EXIT.couldNotRun
}
