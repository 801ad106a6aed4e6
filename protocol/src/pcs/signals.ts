/**
 * The signals that both sides compute: D̂, the trust budget and the regime. Agents claim them, verifiers recompute them. The
 * formulas are a contract with every agent in the field; changing one needs a new schema version.
 */
import type { Regime } from './schema.ts'

/** A claimed D̂ may differ from the recomputed one by this much. */
export const TOL_D = 0.15
/** coh★ may exceed 1 by this much: agents estimate it from samples. */
export const TOL_COH = 0.05
/** A claimed budget may differ from the recomputed one by this much. */
export const TOL_BUDGET = 0.01

/** `sticky` from this coherence on, given that D̂ is small as well. */
export const STICKY_COH_MIN = 0.7
export const STICKY_D_MAX = 1.5
/** `non_sticky` from this D̂ on. */
export const NON_STICKY_D_MIN = 2.6

/**
 * D̂: the median of the slopes through each pair of points (log2 scale, log2 count), which a few bad points cannot move (Theil 1950,
 * Sen 1968). With an even number of slopes it is the upper of the two middle ones.
 *
 * @param counts positive, one for each scale; scales are positive and distinct.
 */
export function theilSen(scales: readonly number[], counts: readonly number[]): number {
  const points = scales.length
  const x = scales.map(Math.log2)
  const y = counts.map(Math.log2)
  const few = points <= FEW_SCALES
  const slopes: number[] = []
  for (let i = 0; i < points; i++) {
    for (let j = i + 1; j < points; j++) {
      const slope = ((y[j] as number) - (y[i] as number)) / ((x[j] as number) - (x[i] as number))
      if (few) insertSorted(slopes, slope)
      else slopes.push(slope)
    }
  }
  if (!few) slopes.sort((a, b) => a - b)
  return slopes[slopes.length >> 1] as number
}

/** Up to this many scales their slopes (28) are put in order as they come, in a third of the time that a sort takes: it is done for every request. */
const FEW_SCALES = 8

function insertSorted(sorted: number[], value: number): void {
  let at = sorted.length
  sorted.push(value)
  while (at > 0 && (sorted[at - 1] as number) > value) {
    sorted[at] = sorted[at - 1] as number
    at--
  }
  sorted[at] = value
}

/** The trust budget: clamp01(0.10 + 0.30·(1 − r) + 0.50·max(0, D̂ − 2.2) + 0.20·coh★). */
export function budgetOf(dHat: number, cohStar: number, r: number): number {
  const budget = 0.1 + 0.3 * (1 - r) + 0.5 * Math.max(0, dHat - 2.2) + 0.2 * cohStar
  return Math.min(1, Math.max(0, budget))
}

export function regimeOf(dHat: number, cohStar: number): Regime {
  if (cohStar >= STICKY_COH_MIN && dHat <= STICKY_D_MAX) return 'sticky'
  return dHat >= NON_STICKY_D_MIN ? 'non_sticky' : 'mixed'
}
