import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Histogram, upperMsOf } from './histogram.ts'

const of = (...values: number[]) => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram.snapshot()
}
const times = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 })

describe('Histogram', () => {
  it('has no quantile without samples', () => {
    expect(Histogram.quantile(of(), 0.95)).toBeUndefined()
  })

  it('keeps microseconds exact below 32 µs', () => {
    expect(Histogram.quantile(of(0.017), 1)).toBe(0.017)
    expect(Histogram.quantile(of(0), 1)).toBe(0)
  })

  it('gives every quantile within 2 % (and half a microsecond) of the exact one', () => {
    fc.assert(
      fc.property(times, fc.constantFrom(0, 0.5, 0.95, 0.99, 1), (values, q) => {
        const exact = [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1]!
        expect(Math.abs(Histogram.quantile(of(...values), q)! - exact)).toBeLessThanOrEqual(exact * 0.02 + 0.0005001)
      }),
      { numRuns: 500 },
    )
  })

  it('counts what is longer than a minute as a minute, a negative time as none, and no number not at all', () => {
    expect(Histogram.quantile(of(1e9, Number.POSITIVE_INFINITY), 1)! / 60_000).toBeCloseTo(1, 1)
    expect(Histogram.quantile(of(-5), 1)).toBe(0)
    expect(of(Number.NaN).count).toBe(0)
  })

  it('gives the window between two snapshots as their difference', () => {
    fc.assert(
      fc.property(times, times, (first, second) => {
        const window = Histogram.delta(of(...first, ...second), of(...first))
        const alone = of(...second)
        expect(window.buckets).toEqual(alone.buckets)
        expect(window.count).toBe(alone.count)
        expect(window.sum).toBeCloseTo(alone.sum, 3)
      }),
    )
  })

  it('refuses a difference of snapshots of two processes', () => {
    expect(() => Histogram.delta(of(1), of(1, 1))).toThrowError(/not of one process/)
    expect(() => Histogram.delta(of(1), of(2))).toThrowError(/not of one process/)
  })

  it('merges to what one histogram of all samples would hold', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        expect(Histogram.merge(of(...a), of(...b)).buckets).toEqual(of(...a, ...b).buckets)
      }),
    )
    expect(Histogram.merge()).toEqual(of())
  })

  it('bounds each bucket from above, so an exposition can use it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000_000 }), (micros) => {
        const [bucket] = of(micros / 1000).buckets[0]!
        expect(upperMsOf(bucket)).toBeGreaterThanOrEqual(micros / 1000)
        if (bucket > 0) expect(upperMsOf(bucket - 1)).toBeLessThan(micros / 1000)
      }),
    )
  })
})
