/** Asks TLC whether each step of each trace is one of models/Slot.tla, and whether I1 to I4 hold in each state. */
import type { Answer } from '../tlc/run-tlc.ts'
import { runTlc } from '../tlc/run-tlc.ts'
import type { AbstractState } from './abstract-state.ts'
import { traceModule } from './trace-module.ts'

const TIMEOUT_MS = 600_000
const BRIEF_TRACES = 100
const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'CertificateIsTrue', 'NoOrphan', 'DecidedOnce']

export interface Refused {
  /** Index of the trace. */
  readonly trace: number
  /** Index of the last state that was accepted. */
  readonly at: number
}

export interface Validation {
  readonly answer: Answer
  readonly refused: Refused | undefined
}

export async function validate(
  jar: string,
  traces: readonly (readonly AbstractState[])[],
  signal: AbortSignal,
): Promise<Validation> {
  const { text, keys } = traceModule(traces)
  const answer = await runTlc(
    jar,
    {
      module: 'SlotTrace',
      specification: 'TraceSpec',
      constants: { Keys: `{${Array.from({ length: keys }, (_, index) => index + 1).join(', ')}}` },
      invariants: INVARIANTS,
      properties: ['NoReturn'],
      // A state from which the next of its trace does not follow.
      deadlock: true,
      brief: traces.length < BRIEF_TRACES,
      extraModules: { TraceData: text },
      timeoutMs: TIMEOUT_MS,
    },
    signal,
  )
  return { answer, refused: refusedIn(answer) }
}

function refusedIn({ verdict, output }: Answer): Refused | undefined {
  if (verdict.kind !== 'violated') return undefined
  const last = (name: string) => Number([...output.matchAll(new RegExp(`^/\\\\ ${name} = (\\d+)`, 'gm'))].at(-1)?.[1] ?? 0)
  return { trace: last('trace') - 1, at: last('at') - 1 }
}
