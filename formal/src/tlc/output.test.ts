import { describe, expect, it } from 'vitest'
import { counterexample, countsOf, verdictOf } from './output.ts'

const HOLDS = `Finished computing initial states: 1 distinct state generated at 2026-11-28 18:47:31.
Progress(12) at 2026-11-28 18:47:31: 1,001 states generated (60 s/min), 900 distinct states found (55 ds/min), 7 states left on queue.
Model checking completed. No error has been found.
  Estimates of the probability that TLC did not check all reachable states
26227 states generated, 8271 distinct states found, 0 states left on queue.
The depth of the complete state graph search is 26.
`

const VIOLATED = `Finished computing initial states: 1 distinct state generated at 2026-11-28 18:47:25.
Error: Invariant I1 is violated.
Error: The behavior up to this point is:
State 1: <Initial predicate>
/\\ row = [ source |->
      [ role |-> "owned" ],
  target |->
      [ role |-> "none" ] ]
/\\ fence = [source |-> 0, target |-> 0]

State 2: <Call line 229, col 3 to line 231, col 32 of module Migration>
/\\ row = [ source |->
      [ role |-> "owned" ],
  target |->
      [ role |-> "none" ] ]
/\\ fence = [source |-> 1, target |-> 0]

231 states generated, 92 distinct states found, 21 states left on queue.
The depth of the complete state graph search is 10.
`

describe('what TLC says is read as', () => {
  it.each([
    ['held', HOLDS, { kind: 'holds' }],
    ['an invariant that does not', VIOLATED, { kind: 'violated', property: 'I1' }],
    [
      'a property of steps that does not',
      'Error: Action property NoReturn is violated.\n',
      { kind: 'violated', property: 'NoReturn' },
    ],
    [
      'one of whole lives that does not',
      'Error: Temporal properties were violated.\n',
      { kind: 'violated', property: 'liveness' },
    ],
    ['a state without a next', 'Error: Deadlock reached.\n', { kind: 'violated', property: 'deadlock' }],
    [
      'a mistake in the model',
      'Parsing\nError: Unknown operator: `Foo`.\n',
      { kind: 'failed', why: 'Error: Unknown operator: `Foo`.' },
    ],
    ['an end before the end', HOLDS.split('\n')[1] as string, { kind: 'failed', why: 'TLC was ended before it was through' }],
  ] as const)('%s', (_what, output, verdict) => {
    expect(verdictOf(output)).toEqual(verdict)
  })
})

it('counts states at the end, or as far as the progress came', () => {
  expect(countsOf(HOLDS)).toEqual({ generated: 26227, distinct: 8271, depth: 26 })
  expect(countsOf(HOLDS.split('\n')[1] as string)).toEqual({ generated: 1001, distinct: 900, depth: 12 })
  expect(countsOf('')).toEqual({ generated: 0, distinct: 0, depth: undefined })
})

it('shows of a counterexample what each step changed', () => {
  expect(counterexample(VIOLATED)).toEqual([
    '  1 <Initial predicate>',
    '  2 <Call>',
    '      fence = [source |-> 1, target |-> 0]',
  ])
})
