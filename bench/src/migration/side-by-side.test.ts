import { expect, it } from 'vitest'
import { type Measured, rateOf, sideBySide, stepsOf, type Timed, type Way } from './side-by-side.ts'

const timed: Timed = { keys: 250_000, seconds: 2 }
const way = (idle: Timed | undefined): Measured<Timed> => ({
  name: 'some way',
  verified: 'no',
  leaves: 'a copy',
  idle,
  loaded: { result: { keys: 3000, seconds: 1.5 }, quietP95Ms: 1.04, p95Ms: 2.56, p99Ms: 9, failed: 3, firstFailure: 'broken' },
  missing: 7,
})

it('a row says everything that was measured of a way', () => {
  const { head, rows } = sideBySide([way(timed)])
  expect(rows).toEqual([
    ['some way', '125,000 keys/s (2.0 s)', '2,000 keys/s (1.5 s)', '1.0', '2.6', '9.0', '3', '7', 'no', 'a copy'],
  ])
  expect(head).toHaveLength(rows[0]?.length as number)
})

it('leaves out what was not measured', () => {
  expect(sideBySide([way(undefined)]).rows[0]?.[1]).toBe('')
})

it('counts a step for each run', () => {
  const withScene: Way<Timed>['withScene'] = () => Promise.reject(new Error('not to be run'))
  const ways = [true, false, true].map((atRest) => ({ name: '', verified: '', leaves: '', atRest, withScene }))
  expect(stepsOf(ways)).toBe(5)
})

it('rates count keys by the second', () => expect(rateOf(timed)).toBe(125_000))
