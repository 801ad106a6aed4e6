/** What TLC said, read (pure). */

export interface Counts {
  readonly generated: number
  readonly distinct: number
  /** Steps on the longest of the shortest ways to a state; undefined where TLC does not say. */
  readonly depth: number | undefined
}

export type Verdict =
  /** Every reachable state was looked at. */
  | { readonly kind: 'holds' }
  | { readonly kind: 'violated'; readonly property: string }
  /** It did not come to an end: a mistake in the model, or no time left. */
  | { readonly kind: 'failed'; readonly why: string }

export function verdictOf(output: string): Verdict {
  const property = /^Error: (?:Invariant|Action property) (\S+) is violated/m.exec(output)?.[1]
  if (property !== undefined) return { kind: 'violated', property }
  if (/^Error: Temporal properties were violated/m.test(output)) return { kind: 'violated', property: 'liveness' }
  if (/^Error: Deadlock reached/m.test(output)) return { kind: 'violated', property: 'deadlock' }
  if (output.includes('Model checking completed. No error has been found.')) return { kind: 'holds' }
  const at = output.indexOf('Error:')
  return { kind: 'failed', why: at < 0 ? 'TLC was ended before it was through' : output.slice(at, at + 600).trim() }
}

/** Of the last line that has them: at the end, or of the progress. */
export function countsOf(output: string): Counts {
  const [states] = [...output.matchAll(/([\d,]+) states generated[^\n]*?, ([\d,]+) distinct states found/g)].slice(-1)
  const depth = /depth of the complete state graph search is (\d+)/.exec(output)?.[1]
  const progress = [...output.matchAll(/^Progress\((\d+)\)/gm)].at(-1)?.[1]
  const steps = depth ?? progress
  return { generated: number(states?.[1]), distinct: number(states?.[2]), depth: steps === undefined ? undefined : Number(steps) }
}

/** The variables of a state of a counterexample that changed in it, a line each; for people. */
export function counterexample(output: string): string[] {
  const before = new Map<string, string>()
  return output
    .split(/^State \d+: /m)
    .slice(1)
    .flatMap((state, index) => {
      const [head = '', ...rest] = state.split('\n')
      const body = rest.join('\n').split(/\n\s*\n/)[0] as string
      const variables = body.split(/^\/\\ /m).slice(1)
      const changed = variables.flatMap((variable) => {
        const [name = '', value = ''] = variable.split(/ = ([\s\S]*)/)
        const text = value.replaceAll(/\s+/g, ' ').trim()
        if (before.get(name) === text) return []
        before.set(name, text)
        return [`      ${name} = ${text}`]
      })
      return [`  ${index + 1} ${head.replace(/ line.*/, '>')}`, ...(index === 0 ? [] : changed)]
    })
}

function number(text: string | undefined): number {
  return Number((text ?? '0').replaceAll(',', ''))
}
