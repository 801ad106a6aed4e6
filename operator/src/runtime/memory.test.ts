/** When the heap is cleaned, and when it is left alone. */
import { beforeEach, expect, it } from 'vitest'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { cleanAtRest } from './memory.ts'

const MIB = 1_048_576
let clock: ManualClock
let heapBytes: number
let resting: boolean
let cleanings: number
let stop: () => void

beforeEach(() => {
  clock = manualClock()
  ;[heapBytes, resting, cleanings] = [60 * MIB, true, 0]
  stop = cleanAtRest({
    clock,
    atRest: () => resting,
    heapBytes: () => heapBytes,
    clean: () => {
      cleanings++
      heapBytes = 40 * MIB
    },
  })
})

it('cleans once there is nothing to do, and again only when the heap has grown', () => {
  clock.advance(60_000)
  expect([cleanings, heapBytes]).toEqual([1, 40 * MIB])
  heapBytes = 47 * MIB
  clock.advance(60_000)
  expect(cleanings).toBe(1)
  heapBytes = 49 * MIB
  clock.advance(20_000)
  expect(cleanings).toBe(2)
})

it('waits for work to end', () => {
  resting = false
  clock.advance(60_000)
  expect(cleanings).toBe(0)
  resting = true
  clock.advance(20_000)
  expect(cleanings).toBe(1)
})

it('ends', () => {
  stop()
  clock.advance(60_000)
  expect(cleanings).toBe(0)
})
