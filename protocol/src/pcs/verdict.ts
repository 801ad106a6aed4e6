/**
 * What a verifier decides about a summary whose signature is good: recompute, compare, say. Pure, needs no store. A summary that
 * contradicts itself is invalid (400); one whose D̂ the recomputation contradicts is disputed; one whose regime or budget does is
 * accepted but escalated.
 */
import { pcsIdOf } from './identity.ts'
import type { Reason, Verdict } from './reason.ts'
import type { Pcs } from './schema.ts'
import { budgetOf, regimeOf, TOL_BUDGET, TOL_COH, TOL_D, theilSen } from './signals.ts'

export type Judgement =
  | { readonly kind: 'invalid'; readonly field: string; readonly reason: string }
  | {
      readonly kind: 'decided'
      readonly verdict: Verdict
      readonly reason: Reason
      readonly recomputedDHat: number
      readonly recomputedBudget: number
    }

/** Tolerances, where a tenant's policy sets other ones. */
export interface Tolerances {
  readonly dHat: number
  readonly cohStar: number
  readonly budget: number
}

export const DEFAULT_TOLERANCES: Tolerances = { dHat: TOL_D, cohStar: TOL_COH, budget: TOL_BUDGET }

export function judge(pcs: Pcs, tolerances: Tolerances = DEFAULT_TOLERANCES): Judgement {
  const counts = pcs.scales.map((scale) => pcs.N_j[scale] as number)
  const insane = findInsanity(pcs, counts, tolerances)
  if (insane) return insane
  const recomputedDHat = theilSen(pcs.scales, counts)
  const recomputedBudget = budgetOf(recomputedDHat, pcs.coh_star, pcs.r)
  const reason = reasonOf(pcs, recomputedDHat, recomputedBudget, tolerances)
  const verdict = reason === '' ? 'accepted' : reason === 'd_hat_mismatch' ? 'disputed' : 'escalated'
  return { kind: 'decided', verdict, reason, recomputedDHat, recomputedBudget }
}

function findInsanity(pcs: Pcs, counts: readonly number[], tolerances: Tolerances): Judgement | undefined {
  if (!(pcs.coh_star >= 0 && pcs.coh_star <= 1 + tolerances.cohStar))
    return invalid('coh_star', `is not in 0..${1 + tolerances.cohStar}`)
  if (!(pcs.r >= 0 && pcs.r <= 1)) return invalid('r', 'is not in 0..1')
  const falling = findFall(pcs.scales, counts)
  if (falling !== undefined) return invalid(`N_j.${falling}`, 'is smaller than the count of a smaller scale')
  if (pcs.pcs_id !== pcsIdOf(pcs.merkle_root, pcs.epoch, pcs.shard_id)) {
    return invalid('pcs_id', 'is not the sha256 of "{merkle_root}|{epoch}|{shard_id}"')
  }
  return undefined
}

/** The first scale, in rising order, whose count is below the one before: a finer grid never has fewer occupied boxes. */
function findFall(scales: readonly number[], counts: readonly number[]): number | undefined {
  for (let i = 1; i < scales.length; i++) {
    if ((scales[i] as number) < (scales[i - 1] as number)) return findFall(...inRisingOrder(scales, counts))
    if ((counts[i] as number) < (counts[i - 1] as number)) return scales[i]
  }
  return undefined
}

function inRisingOrder(scales: readonly number[], counts: readonly number[]): [number[], number[]] {
  const order = scales.map((_, index) => index).sort((a, b) => (scales[a] as number) - (scales[b] as number))
  return [order.map((index) => scales[index] as number), order.map((index) => counts[index] as number)]
}

function reasonOf(pcs: Pcs, dHat: number, budget: number, tolerances: Tolerances): Reason {
  if (differs(pcs.D_hat, dHat, tolerances.dHat)) return 'd_hat_mismatch'
  if (pcs.regime !== regimeOf(dHat, pcs.coh_star)) return 'regime_mismatch'
  if (differs(pcs.budget, budget, tolerances.budget)) return 'budget_mismatch'
  return ''
}

/** Reals count to nine decimals, so half a unit of the ninth is no difference: 0.36 and 0.35 differ by 0.01, not by more. */
function differs(claimed: number, recomputed: number, tolerance: number): boolean {
  return Math.abs(claimed - recomputed) > tolerance + 5e-10
}

function invalid(field: string, reason: string): Judgement {
  return { kind: 'invalid', field, reason }
}
