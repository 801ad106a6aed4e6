import { goldenPcs, goldenPoints } from '@fractal-lba/protocol/pcs/golden/golden'
import { theilSen } from '@fractal-lba/protocol/pcs/signals'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boxCounts } from './box-counts.ts'
import { coherence } from './coherence.ts'
import { compressibility } from './compressibility.ts'
import { toUnitBox } from './unit-box.ts'

const point = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
const points = fc.array(point, { minLength: 1, maxLength: 60 })

describe('what an agent in the field computed from the same rows', () => {
  it('has the same box counts, hence the same D̂', () => {
    const counts = boxCounts(goldenPoints, goldenPcs.scales)
    expect(counts).toEqual(goldenPcs.scales.map((scale) => goldenPcs.N_j[scale]))
    expect(theilSen(goldenPcs.scales, counts)).toBeCloseTo(goldenPcs.D_hat, 9)
  })

  it('has the same coherence, one point of fifteen in the fullest bin', () => {
    expect(coherence(goldenPoints, goldenPcs.seed!).cohStar).toBeCloseTo(goldenPcs.coh_star, 9)
  })
})

describe('boxCounts', () => {
  it('counts each box once, below zero and at the far edge too', () => {
    expect(boxCounts([[-0.1], [-0.4], [0], [0.49], [0.5], [1]], [2])).toEqual([4])
    expect(
      boxCounts(
        [
          [0.1, 0.1],
          [0.1, 0.9],
          [0.9, 0.1],
          [0.2, 0.2],
        ],
        [1, 2],
      ),
    ).toEqual([1, 3])
  })

  it('never falls from a scale to a multiple of it', () => {
    fc.assert(
      fc.property(points, (sample) => {
        const counts = boxCounts(sample, [1, 2, 4, 8, 24, 48])
        expect([...counts].sort((a, b) => a - b)).toEqual(counts)
      }),
    )
  })

  it('counts alike where the grid has too many boxes to number', () => {
    const spread = Array.from({ length: 50 }, (_, i) => Array.from({ length: 12 }, (_, axis) => ((i * (axis + 3)) % 17) / 17))
    const narrow = spread.map((coordinates) => coordinates.slice(0, 2))
    const padded = narrow.map((coordinates) => [...coordinates, ...new Array<number>(10).fill(0)])
    expect(boxCounts(padded, [64])).toEqual(boxCounts(narrow, [64]))
    expect(boxCounts(spread, [1024])).toEqual([new Set(spread.map(String)).size])
  })
})

describe('coherence', () => {
  it('is 1 where all points are one', () => {
    expect(
      coherence(
        [
          [1, 2],
          [1, 2],
        ],
        7,
      ).cohStar,
    ).toBe(1)
  })

  it('is found along a unit vector, the same for the same seed', () => {
    fc.assert(
      fc.property(points, fc.nat(), (sample, seed) => {
        const { cohStar, vStar } = coherence(sample, seed)
        expect(coherence(sample, seed)).toEqual({ cohStar, vStar })
        expect(Math.hypot(...vStar)).toBeCloseTo(1, 9)
        expect(cohStar).toBeGreaterThan(0)
        expect(cohStar).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('is higher for points in a few clumps than for points all over', () => {
    const clumped = Array.from({ length: 100 }, (_, i) => [i % 2, i % 2, i % 2])
    const spread = Array.from({ length: 100 }, (_, i) => [(i * 0.618) % 1, (i * 0.755) % 1, (i * 0.57) % 1])
    expect(coherence(clumped, 1).cohStar).toBeGreaterThan(2 * coherence(spread, 1).cohStar)
  })

  it('is nothing without points', () => {
    expect(coherence([], 1)).toEqual({ cohStar: 0, vStar: [] })
  })
})

describe('compressibility', () => {
  it('is small for repetitive bytes, 1 for none and for a few', () => {
    expect(compressibility(Buffer.alloc(10_000))).toBeLessThan(0.01)
    expect(compressibility(Buffer.alloc(0))).toBe(1)
    expect(compressibility(Buffer.from('x'))).toBe(1)
  })
})

describe('toUnitBox', () => {
  it('maps each axis to 0..1, and one on which nothing differs to 0', () => {
    expect(
      toUnitBox([
        [10, -5, 3],
        [20, 5, 3],
        [15, 0, 3],
      ]),
    ).toEqual([
      [0, 0, 0],
      [1, 1, 0],
      [0.5, 0.5, 0],
    ])
  })
})
