import { expect, it } from 'vitest'
import type { Answer } from '../tlc/run-tlc.ts'
import { findingOf } from './demanded-run.ts'
import { migrationRuns } from './migration.ts'

const runs = migrationRuns()
const holding = runs.find(({ violates }) => violates === undefined)
const removing = runs.find(({ violates }) => violates === 'I1')
const answer = (verdict: Answer['verdict']): Answer => ({
  verdict,
  generated: 3,
  distinct: 2,
  depth: 1,
  seconds: 0.1,
  output: '',
})

it.each([
  ['holds, as it must', holding, { kind: 'holds' }, { ok: true, result: 'holds' }],
  ['does not hold', holding, { kind: 'violated', property: 'I1' }, { ok: false, result: 'I1 VIOLATED' }],
  [
    'is violated, as it must be',
    removing,
    { kind: 'violated', property: 'I1' },
    { ok: true, result: 'I1 violated, as demanded' },
  ],
  ['holds without its guard', removing, { kind: 'holds' }, { ok: false, result: 'I1 still holds: NOT SHOWN' }],
  ['lets another be violated', removing, { kind: 'violated', property: 'I2' }, { ok: false, result: 'I2 VIOLATED' }],
  ['was not answered', removing, { kind: 'failed', why: 'no time' }, { ok: false, result: 'FAILED' }],
] as const)('what %s is said so', (_what, run, verdict, found) => {
  if (!run) throw new Error('there is no such run')
  expect(findingOf(run, answer(verdict))).toMatchObject(found)
})
