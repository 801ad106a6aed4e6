/**
 * Lives of the simulator held against the model; and what must be refused: traces with one tampered step, at that step, and lives with
 * a planted bug, which shows that it is the code that is being held against the model.
 */
import { variantOf } from '@fractal-lba/simulation/mutants/all'
import type { Finding, Session } from '../finding.ts'
import { counterexample } from '../tlc/output.ts'
import { checkJava, tlaTools } from '../tools/tla-tools.ts'
import { recordLife, recordPlanted, type SlotTrace } from './recorder.ts'
import { type Tampered, tamperings } from './tamper.ts'
import { validate } from './validate.ts'

/** As the simulator names them: one of an owner, of the copy, of the log, of the switch. */
const PLANTED = ['no-ownership-check', 'last-record-of-a-batch-lost', 'log-trimmed-before-it-is-applied', 'way-back-switched-off']
/** More than any of them needs. */
const PLANTED_LIVES = 20
const PROGRESS_LIVES = 50

/** @throws ToolMissing */
export async function runTraces(seeds: number, { say, signal, env }: Session): Promise<Finding[]> {
  await checkJava(signal)
  const jar = await tlaTools(env, say, signal)
  const tell = (finding: Finding) => {
    say(`traces: ${finding.what}: ${finding.result} (${finding.seconds.toFixed(0)} s)`)
    return finding
  }
  const traces: SlotTrace[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    traces.push(...(await recordLife(seed)).traces)
    signal.throwIfAborted()
    if (seed % PROGRESS_LIVES === 0) say(`traces: ${seed} of ${seeds} lives lived, ${traces.length} slots moved`)
  }
  const findings = [tell(await ours(jar, traces, seeds, signal))]
  for (const one of tamperings(statesOf(traces))) findings.push(tell(await tampered(jar, one, signal)))
  for (const bug of PLANTED) findings.push(tell(await planted(jar, bug, signal)))
  return findings
}

async function ours(jar: string, traces: readonly SlotTrace[], seeds: number, signal: AbortSignal): Promise<Finding> {
  const steps = traces.reduce((sum, { states }) => sum + states.length - 1, 0)
  const { answer, refused } = await validate(jar, statesOf(traces), signal)
  const { verdict, output, ...figures } = answer
  const finding = {
    part: 'traces',
    name: 'SlotTrace',
    what: `${seeds} lives, ${traces.length} slots, ${steps} steps`,
    ...figures,
  } as const
  if (verdict.kind === 'holds') return { ...finding, ok: true, result: 'each step is one of the model' }
  if (verdict.kind === 'failed') return { ...finding, ok: false, result: 'FAILED', detail: [verdict.why] }
  const { trace: index, at } = refused ?? { trace: -1, at: -1 }
  const trace = traces[index]
  const where = `seed ${trace?.seed}, slot ${trace?.of.slot}, step ${at + 1}: ${JSON.stringify(trace?.states[at + 1])}`
  return { ...finding, ok: false, result: `REFUSED (${verdict.property})`, detail: [where, ...counterexample(output)] }
}

async function tampered(jar: string, { how, states }: Tampered, signal: AbortSignal): Promise<Finding> {
  const finding = { part: 'traces', name: 'SlotTrace', what: `tampered: ${how}` } as const
  if (!states) return { ...finding, ok: false, seconds: 0, result: 'NOT TRIED: too few lives to do it in' }
  const { answer, refused } = await validate(jar, [states], signal)
  const { verdict, output: _, ...figures } = answer
  const ok = verdict.kind === 'violated' && verdict.property === 'deadlock' && refused?.at === states.length - 2
  const result = ok ? `refused at step ${states.length - 1}, as demanded` : 'NOT REFUSED where it was tampered with'
  return { ...finding, ...figures, ok, result }
}

async function planted(jar: string, bug: string, signal: AbortSignal): Promise<Finding> {
  const traces: SlotTrace[] = []
  for (let seed = 1; seed <= PLANTED_LIVES; seed++) traces.push(...(await recordPlanted(seed, variantOf(bug))))
  const { answer, refused } = await validate(jar, statesOf(traces), signal)
  const { verdict, output: _, ...figures } = answer
  const ok = verdict.kind === 'violated' && refused !== undefined
  const result = ok
    ? `refused at step ${refused.at + 1} of a slot of seed ${traces[refused.trace]?.seed}, as demanded`
    : 'NOT REFUSED'
  return { part: 'traces', name: 'SlotTrace', what: `planted: ${bug}`, ...figures, ok, result }
}

function statesOf(traces: readonly SlotTrace[]): SlotTrace['states'][] {
  return traces.map(({ states }) => states)
}
