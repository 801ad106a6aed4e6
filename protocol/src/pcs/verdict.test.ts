import { describe, expect, it } from 'vitest'
import { goldenPcs } from './golden/golden.ts'
import { pcsIdOf } from './identity.ts'
import type { Pcs } from './schema.ts'
import { budgetOf, regimeOf, theilSen } from './signals.ts'
import { judge } from './verdict.ts'

/** A summary of slope exactly 1 (budget 0.1 + 0.3 · 0.5 + 0.2 · 0.5 = 0.35, mixed), with changes. */
function summary(changes: Partial<Pcs> = {}): Pcs {
  const base: Pcs = {
    ...goldenPcs,
    scales: [2, 4, 8],
    N_j: { 2: 3, 4: 6, 8: 12 },
    D_hat: 1,
    coh_star: 0.5,
    r: 0.5,
    regime: 'mixed',
    budget: 0.35,
  }
  return { ...base, ...changes }
}
const outcome = (changes: Partial<Pcs>) => {
  const judgement = judge(summary(changes))
  return judgement.kind === 'invalid' ? judgement.field : `${judgement.verdict} ${judgement.reason}`.trim()
}

describe('judge', () => {
  it('accepts the summary from the field, recomputing its own values', () => {
    expect(judge(goldenPcs)).toMatchObject({ kind: 'decided', verdict: 'accepted', reason: '' })
    const judgement = judge(goldenPcs)
    if (judgement.kind !== 'decided') throw new Error('not decided')
    expect(judgement.recomputedDHat).toBeCloseTo(goldenPcs.D_hat, 9)
    expect(judgement.recomputedBudget).toBeCloseTo(goldenPcs.budget, 9)
  })

  it.each<[string, Partial<Pcs>, string]>([
    ['D̂ just within its tolerance', { D_hat: 1.1499 }, 'accepted'],
    ['D̂ off by exactly its tolerance, above', { D_hat: 1.15 }, 'accepted'],
    ['D̂ off by exactly its tolerance, below', { D_hat: 0.85 }, 'accepted'],
    ['D̂ off by a billionth more', { D_hat: 1.150000001 }, 'disputed d_hat_mismatch'],
    ['D̂ just outside, above', { D_hat: 1.1501 }, 'disputed d_hat_mismatch'],
    ['D̂ just outside, below', { D_hat: 0.8499 }, 'disputed d_hat_mismatch'],
    ['a budget just within its tolerance', { budget: 0.3599 }, 'accepted'],
    ['a budget off by exactly its tolerance, above', { budget: 0.36 }, 'accepted'],
    ['a budget off by exactly its tolerance, below', { budget: 0.34 }, 'accepted'],
    ['a budget off by a billionth more', { budget: 0.360000001 }, 'escalated budget_mismatch'],
    ['a budget just outside, above', { budget: 0.3601 }, 'escalated budget_mismatch'],
    ['a budget just outside, below', { budget: 0.3399 }, 'escalated budget_mismatch'],
    ['a budget that is no share at all', { budget: 5 }, 'escalated budget_mismatch'],
    ['another regime', { regime: 'sticky' }, 'escalated regime_mismatch'],
    ['everything wrong at once', { D_hat: 9, regime: 'sticky', budget: 1 }, 'disputed d_hat_mismatch'],
    ['no coherence', { coh_star: 0, budget: 0.25 }, 'accepted'],
    ['negative coherence', { coh_star: -1e-9 }, 'coh_star'],
    ['coherence at the end of its tolerance', { coh_star: 1.05, regime: 'sticky', budget: 0.46 }, 'accepted'],
    ['coherence past it', { coh_star: 1.0501 }, 'coh_star'],
    ['r = 0', { r: 0, budget: 0.5 }, 'accepted'],
    ['r = 1', { r: 1, budget: 0.2 }, 'accepted'],
    ['r above 1', { r: 1.000001 }, 'r'],
    ['r below 0', { r: -0.000001 }, 'r'],
    ['counts that stay', { N_j: { 2: 3, 4: 3, 8: 3 }, D_hat: 0 }, 'accepted'],
    ['counts that fall', { N_j: { 2: 3, 4: 6, 8: 5 } }, 'N_j.8'],
    ['counts that fall, scales listed in another order', { scales: [8, 2, 4], N_j: { 2: 3, 4: 2, 8: 12 } }, 'N_j.4'],
    ['sound counts, scales listed in another order', { scales: [8, 2, 4] }, 'accepted'],
    ['an id of other parts', { epoch: 2 }, 'pcs_id'],
  ])('%s', (_name, changes, expected) => {
    expect(outcome(changes)).toBe(expected)
  })

  it('answers with what it recomputed', () => {
    expect(judge(summary({ D_hat: 2, budget: 1 }))).toEqual({
      kind: 'decided',
      verdict: 'disputed',
      reason: 'd_hat_mismatch',
      recomputedDHat: 1,
      recomputedBudget: 0.35,
    })
  })
})

describe('pcsIdOf', () => {
  it('is the id that the field computes', () => {
    expect(pcsIdOf(goldenPcs.merkle_root, goldenPcs.epoch, goldenPcs.shard_id)).toBe(goldenPcs.pcs_id)
  })
})

describe('theilSen', () => {
  it('is the upper median of all slopes, for few scales and for many', () => {
    for (let points = 2; points <= 24; points++) {
      const scales = Array.from({ length: points }, (_, i) => 2 + i * 3)
      const counts = scales.map((scale, i) => 1 + ((scale * 7919 + i * 104729) % 997))
      const slopes = scales.flatMap((scale, i) =>
        scales.slice(i + 1).map((other, k) => {
          const rise = Math.log2(counts[i + 1 + k] as number) - Math.log2(counts[i] as number)
          return rise / (Math.log2(other) - Math.log2(scale))
        }),
      )
      slopes.sort((a, b) => a - b)
      expect(theilSen(scales, counts), `${points} scales`).toBe(slopes[slopes.length >> 1])
    }
  })

  it('is the slope of a straight line', () => {
    expect(theilSen([1, 2, 4, 8, 16], [1, 4, 16, 64, 256])).toBe(2)
  })

  it('takes the upper of two middle slopes', () => {
    // Slopes 1, 2 and 1.5 of three points, then six of four: sorted, index 3 of 6.
    expect(theilSen([1, 2, 4], [1, 2, 8])).toBe(1.5)
    expect(theilSen([1, 2, 4, 8], [1, 2, 4, 64])).toBe(2)
  })

  it('is not moved by one bad count among many', () => {
    expect(theilSen([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 1_000_000])).toBe(1)
  })

  it('is the only slope of two points', () => {
    expect(theilSen([2, 8], [1, 4])).toBe(1)
  })
})

describe('budget and regime', () => {
  it.each([
    [1, 0, 1, 0.1],
    [2.2, 0, 1, 0.1],
    [2.3, 0, 1, 0.15],
    [1, 1, 0, 0.6],
    [9, 1, 0, 1],
    [1, 0, 5, 0],
  ])('budget of D̂ %d, coh★ %d, r %d is %d', (dHat, cohStar, r, budget) => {
    expect(budgetOf(dHat, cohStar, r)).toBeCloseTo(budget, 12)
  })

  it.each([
    [1.5, 0.7, 'sticky'],
    [1.500001, 0.7, 'mixed'],
    [1.5, 0.699999, 'mixed'],
    [2.599999, 1, 'mixed'],
    [2.6, 1, 'non_sticky'],
    [2.6, 0, 'non_sticky'],
  ])('regime of D̂ %d, coh★ %d is %s', (dHat, cohStar, regime) => {
    expect(regimeOf(dHat, cohStar)).toBe(regime)
  })
})
