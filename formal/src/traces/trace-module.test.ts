import { expect, it } from 'vitest'
import type { AbstractState } from './abstract-state.ts'
import { traceModule } from './trace-module.ts'

const NONE = { role: 'none', gen: 0, captured: false, copy: 'none', kept: false } as const
const state = (recs: string[], queue: string[] = []): AbstractState => ({
  source: { row: { ...NONE, role: 'owned', gen: 1, captured: true }, recs, queue, fence: 2 },
  target: { row: NONE, recs: [], queue: [], fence: 0 },
  doc: { dir: 'forward', certified: false, sealed: true, end: 'no' },
})

it('writes states as TLA+ has them', () => {
  const row = '[role |-> "owned", gen |-> 1, captured |-> TRUE, copy |-> "none", kept |-> FALSE]'
  const none = '[role |-> "none", gen |-> 0, captured |-> FALSE, copy |-> "none", kept |-> FALSE]'
  expect(traceModule([[state(['aa'], ['aa'])]]).text).toBe(
    `---- MODULE TraceData ----
EXTENDS TLC
Traces == <<
  <<
    [row |-> ("source" :> ${row} @@ "target" :> ${none}), recs |-> ("source" :> {1} @@ "target" :> {}), queue |-> ("source" :> {1} @@ "target" :> {}), fence |-> ("source" :> 2 @@ "target" :> 0), doc |-> [dir |-> "forward", certified |-> FALSE, sealed |-> TRUE, end |-> "no"]]>>>>
====
`,
  )
})

it('numbers the keys of each trace by itself, in their own order, wherever they are first seen', () => {
  const { text, keys } = traceModule([[state(['cc']), state(['aa', 'cc']), state(['aa', 'bb', 'cc'])], [state(['ff'])]])
  expect(keys).toBe(3)
  expect([...text.matchAll(/recs \|-> \("source" :> (\{[^}]*\})/g)].map(([, set]) => set)).toEqual([
    '{3}',
    '{1, 3}',
    '{1, 2, 3}',
    '{1}',
  ])
})
