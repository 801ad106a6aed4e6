/** The command without a subcommand: a campaign over many seeds, or one seed with all that is to be seen of it. */
import { variantOf } from '../mutants/all.ts'
import { runCampaign, type Tally } from './campaign.ts'
import { interruptible } from './interrupt.ts'
import { type LifeReport, live, type Violated } from './life.ts'
import { durationText, ProgressLine } from './progress-line.ts'
import { replay } from './replay.ts'
import { type Shrunk, shrink } from './shrink.ts'
import { faultText, traceLine } from './trace.ts'

export interface SimulateOptions {
  readonly seeds: number
  readonly from: number
  readonly minutes?: number
  readonly jobs: number
  readonly seed?: number
  readonly trace?: boolean
  readonly mutant?: string
  readonly shrinkSeconds: number
  readonly output: 'text' | 'json'
}

const HELD = 0
const VIOLATED = 1
const INTERRUPTED = 130

/** A shrunk life has at most that many faults to print; one with more has not been shrunk far. */
const MAX_FAULT_LINES = 40

const say = (line: string) => process.stderr.write(`${line}\n`)

/** @returns the exit code. */
export async function simulate(options: SimulateOptions): Promise<number> {
  // Says which there are before any thread is started.
  variantOf(options.mutant)
  return options.seed === undefined ? campaign(options) : one(options, options.seed)
}

async function campaign(options: SimulateOptions): Promise<number> {
  const { signal, done } = interruptible()
  const startedAtMs = performance.now()
  const goal =
    options.minutes === undefined
      ? { seeds: options.seeds, untilMs: undefined }
      : { seeds: undefined, untilMs: startedAtMs + options.minutes * 60_000 }
  const progress = new ProgressLine(goal, process.stderr, () => performance.now())
  const tally = await runCampaign({
    ...goal,
    from: options.from,
    jobs: options.jobs,
    mutant: options.mutant,
    signal,
    onProgress: (seen) => progress.show(seen),
  })
  progress.end()
  const elapsedMs = performance.now() - startedAtMs
  const [first] = tally.violations
  const shrunk = first && !signal.aborted ? await shrinkAloud(first, options) : undefined
  done()
  if (options.output === 'json') printJson({ ...tally, from: options.from, elapsedMs, interrupted: signal.aborted, shrunk })
  else printCampaign(options, tally, elapsedMs, signal.aborted, shrunk)
  if (first) return VIOLATED
  return signal.aborted ? INTERRUPTED : HELD
}

async function one(options: SimulateOptions, seed: number): Promise<number> {
  const variant = variantOf(options.mutant)
  const onEvent = options.trace ? (event: Parameters<typeof traceLine>[0]) => console.log(traceLine(event)) : undefined
  const { report, events, hash } = await replay(seed, { variant, ...(onEvent && { onEvent }) })
  const shrunk = report.kind === 'violated' ? await shrinkAloud(report, options) : undefined
  if (options.output === 'json') printJson({ ...report, events, hash, shrunk })
  else {
    console.log(reportText(report))
    console.log(`${events.toLocaleString('en-US')} events, SHA-256 ${hash}`)
    if (report.kind === 'violated') printViolation(report, options, shrunk)
  }
  return report.kind === 'violated' ? VIOLATED : HELD
}

/** Shrinks by living on this thread; says so, since it takes a while. */
async function shrinkAloud(violated: Violated, { mutant, shrinkSeconds }: SimulateOptions): Promise<Shrunk | undefined> {
  if (violated.faults.length === 0) return undefined
  say(`Shrinking seed ${violated.seed} (${violated.faults.length} faults), for ${durationText(shrinkSeconds * 1000)} at most …`)
  const variant = variantOf(mutant)
  const untilMs = performance.now() + shrinkSeconds * 1000
  const attempt = async (faults: Violated['faults']) => {
    const report = await live(violated.seed, { variant, faults })
    return report.kind === 'violated' && report.property === violated.property ? report : undefined
  }
  return shrink(violated, attempt, () => performance.now() >= untilMs)
}

function printCampaign(
  options: SimulateOptions,
  tally: Tally,
  elapsedMs: number,
  interrupted: boolean,
  shrunk: Shrunk | undefined,
): void {
  const rate = (tally.lives / Math.max(1, elapsedMs)) * 1000
  const endings = Object.entries(tally.outcomes).map(([outcome, count]) => `${count.toLocaleString('en-US')} ${outcome}`)
  const span = tally.lives === 0 ? 'no seed' : `${tally.lives.toLocaleString('en-US')} seeds from ${options.from} on`
  console.log(
    `${interrupted ? 'Stopped: ' : ''}${span} in ${durationText(elapsedMs)} (${rate.toFixed(1)} a second, ${options.jobs} threads): ${tally.turns.toLocaleString('en-US')} turns, ${tally.acknowledged.toLocaleString('en-US')} answers; ${endings.join(', ') || 'none ended'}`,
  )
  const [first, ...others] = tally.violations
  if (!first) {
    console.log('Everything held.')
    return
  }
  console.log(reportText(first))
  printViolation(first, options, shrunk)
  for (const other of others) console.log(`Also ${reportText(other)}`)
}

function reportText(report: LifeReport): string {
  if (report.kind === 'violated') return `seed ${report.seed}, turn ${report.turn}: VIOLATED ${report.message}`
  return `seed ${report.seed}: everything held; ${report.outcome} after ${report.turns.toLocaleString('en-US')} turns, ${report.acknowledged} answers`
}

function printViolation({ seed, faults }: Violated, { mutant }: SimulateOptions, shrunk: Shrunk | undefined): void {
  const bug = mutant === undefined ? '' : ` --mutant ${mutant}`
  console.log(`\nReplay it: npm run sim -- --seed ${seed}${bug} --trace`)
  if (!shrunk) return
  const left = shrunk.violated.faults
  const how = shrunk.minimal ? 'each of them needed' : 'perhaps not all needed'
  console.log(
    left.length === 0
      ? `\nIt needs none of its ${faults.length} faults:`
      : `\nOf its ${faults.length} faults these ${left.length} are left after ${shrunk.attempts} attempts, ${how}:`,
  )
  for (const fault of left.slice(0, MAX_FAULT_LINES)) console.log(`  ${faultText(fault)}`)
  if (left.length > MAX_FAULT_LINES) console.log(`  … and ${left.length - MAX_FAULT_LINES} more`)
  console.log(`Without the others: turn ${shrunk.violated.turn}: ${shrunk.violated.message}`)
}

function printJson(document: unknown): void {
  console.log(JSON.stringify(document, null, 2))
}
