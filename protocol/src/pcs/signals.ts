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
  const slopes = new Float64Array((points * (points - 1)) / 2)
  let n = 0
  for (let i = 0; i < points; i++) {
    const x = Math.log2(scales[i] as number)
    const y = Math.log2(counts[i] as number)
    for (let j = i + 1; j < points; j++) {
      slopes[n++] = (Math.log2(counts[j] as number) - y) / (Math.log2(scales[j] as number) - x)
    }
  }
  return slopes.sort()[n >> 1] as number
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
