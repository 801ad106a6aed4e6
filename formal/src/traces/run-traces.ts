/** Lives of the simulator held against the model; and traces with one tampered step, of which each must be refused at that step. */
import type { Finding, Session } from '../finding.ts'
import { counterexample } from '../tlc/output.ts'
import { checkJava, tlaTools } from '../tools/tla-tools.ts'
import { recordLife, type SlotTrace } from './recorder.ts'
import { tamperings } from './tamper.ts'
import { validate } from './validate.ts'

/** @throws ToolMissing */
export async function runTraces(seeds: number, { say, signal, env }: Session): Promise<Finding[]> {
  await checkJava(signal)
  const jar = await tlaTools(env, say, signal)
  const traces: SlotTrace[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    traces.push(...(await recordLife(seed)))
    if (seed % 25 === 0) say(`traces: ${seed} of ${seeds} lives lived, ${traces.length} slots moved`)
    signal.throwIfAborted()
  }
  say(`traces: ${traces.length} traces against the model ...`)
  return [await ours(jar, traces, seeds, signal), ...(await tampered(jar, traces, say, signal))]
}

async function ours(jar: string, traces: readonly SlotTrace[], seeds: number, signal: AbortSignal): Promise<Finding> {
  const steps = traces.reduce((sum, { states }) => sum + states.length - 1, 0)
  const { answer, refused } = await validate(
    jar,
    traces.map(({ states }) => states),
    signal,
  )
  const { verdict, output, ...figures } = answer
  const finding = {
    part: 'traces',
    name: 'SlotTrace',
    what: `${seeds} lives, ${traces.length} slots, ${steps} steps`,
    ...figures,
  } as const
  if (verdict.kind === 'holds') return { ...finding, ok: true, result: 'each step is one of the model' }
  if (verdict.kind === 'failed') return { ...finding, ok: false, result: 'FAILED', detail: [verdict.why] }
  const trace = refused && traces[refused.trace]
  const next = trace?.states[(refused?.at ?? 0) + 1]
  const where = trace ? `seed ${trace.seed}, slot ${trace.of.slot}, step ${(refused?.at ?? 0) + 1}: ${JSON.stringify(next)}` : ''
  return { ...finding, ok: false, result: `REFUSED (${verdict.property})`, detail: [where, ...counterexample(output)] }
}

async function tampered(
  jar: string,
  traces: readonly SlotTrace[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { how, states } of tamperings(traces.map(({ states }) => states))) {
    say(`traces: tampered, ${how} ...`)
    const { answer, refused } = await validate(jar, [states], signal)
    const { verdict, output: _, ...figures } = answer
    const ok = verdict.kind === 'violated' && verdict.property === 'deadlock' && refused?.at === states.length - 2
    findings.push({
      part: 'traces',
      name: 'SlotTrace',
      what: `tampered: ${how}`,
      ...figures,
      ok,
      result: ok ? `refused at step ${states.length - 1}, as demanded` : 'NOT REFUSED where it was tampered with',
    })
    signal.throwIfAborted()
  }
  return findings
}
