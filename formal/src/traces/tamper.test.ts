import { beforeAll, describe, expect, it } from 'vitest'
import { recordLife, type SlotTrace } from './recorder.ts'
import { type Tampered, tamperings } from './tamper.ts'

/** Enough for each way to find its step. */
const SEEDS = 12

describe('a tampered trace', () => {
  const recorded: SlotTrace['states'][] = []
  let tampered: Tampered[] = []
  beforeAll(async () => {
    for (let seed = 1; seed <= SEEDS; seed++) recorded.push(...(await recordLife(seed)).traces.map(({ states }) => states))
    tampered = tamperings(recorded)
  })

  it('is there for each way', () => {
    expect(new Set(tampered.map(({ how }) => how)).size).toBe(6)
  })

  it('is as it was recorded up to its last state, which is not', () => {
    for (const { states } of tampered) {
      const original = recorded.find((trace) => trace[0] === states[0])
      expect(states.slice(0, -1)).toEqual(original?.slice(0, states.length - 1))
      expect(states.at(-1)).not.toEqual(original?.[states.length - 1])
    }
  })
})

it('nothing is tampered with where there is nothing to tamper with', () => {
  expect(tamperings([])).toEqual([])
})
