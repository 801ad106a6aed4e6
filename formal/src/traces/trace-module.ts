/** Recorded traces as a TLA+ module (pure): `Traces`, in which keys are numbers. */
import type { AbstractRow, AbstractState, AtShard } from './abstract-state.ts'

export interface TraceModule {
  readonly text: string
  /** The most keys that one trace has. */
  readonly keys: number
}

export function traceModule(traces: readonly (readonly AbstractState[])[]): TraceModule {
  let keys = 1
  const rendered = traces.map((states) => {
    const numbers = numbersOf(states)
    keys = Math.max(keys, numbers.size)
    return `<<\n    ${states.map((state) => renderState(state, numbers)).join(',\n    ')}>>`
  })
  const text = `---- MODULE TraceData ----\nEXTENDS TLC\nTraces == <<\n  ${rendered.join(',\n  ')}>>\n====\n`
  return { text, keys }
}

/** Keys of a trace as 1, 2, ..., in their own order, which is that of the scan. */
function numbersOf(states: readonly AbstractState[]): ReadonlyMap<string, number> {
  const keys = new Set(states.flatMap(({ source, target }) => [...source.recs, ...source.queue, ...target.recs, ...target.queue]))
  return new Map([...keys].sort().map((key, index) => [key, index + 1]))
}

function renderState({ source, target, doc }: AbstractState, numbers: ReadonlyMap<string, number>): string {
  const keys = (of: readonly string[]) => `{${of.map((key) => numbers.get(key)).join(', ')}}`
  const both = (render: (at: AtShard) => string) => `("source" :> ${render(source)} @@ "target" :> ${render(target)})`
  const document = `[dir |-> "${doc.dir}", certified |-> ${truth(doc.certified)}, sealed |-> ${truth(doc.sealed)}, end |-> "${doc.end}"]`
  return [
    `[row |-> ${both(({ row }) => renderRow(row))}`,
    `recs |-> ${both(({ recs }) => keys(recs))}`,
    `queue |-> ${both(({ queue }) => keys(queue))}`,
    `fence |-> ${both(({ fence }) => `${fence}`)}`,
    `doc |-> ${document}]`,
  ].join(', ')
}

function renderRow({ role, gen, captured, copy, kept }: AbstractRow): string {
  return `[role |-> "${role}", gen |-> ${gen}, captured |-> ${truth(captured)}, copy |-> "${copy}", kept |-> ${truth(kept)}]`
}

function truth(value: boolean): string {
  return value ? 'TRUE' : 'FALSE'
}
