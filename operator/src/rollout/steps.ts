/** Which part of a rollout's units each step covers. Pure arithmetic on counts: units keep one order from start to end. */

/** How many of `total` units are applied once a step of `percent` is done: at least one, and all at 100. */
export function unitsAt(percent: number, total: number): number {
  if (total === 0) return 0
  return Math.min(total, Math.max(1, Math.ceil((total * percent) / 100)))
}

export interface StepTarget {
  readonly index: number
  readonly percent: number
  /** Units that are applied once this step is done. */
  readonly units: number
}

/** The targets of all steps; steps that add no unit (of a small total) are left out. */
export function stepTargets(percents: readonly number[], total: number): StepTarget[] {
  const targets: StepTarget[] = []
  for (const percent of percents) {
    const units = unitsAt(percent, total)
    if (units > (targets.at(-1)?.units ?? 0)) targets.push({ index: targets.length, percent, units })
  }
  return targets
}

/** A step as people write it: so many units, or so many percent of them. */
export type StepSize = { readonly units: number } | { readonly percent: number }

/**
 * The targets of steps of either kind; it always ends with all units. `lastAlone`: no step but the last, of one unit, completes the
 * whole, for what can be taken back only as long as it is not complete.
 */
export function sizedTargets(sizes: readonly StepSize[], total: number, lastAlone: boolean): StepTarget[] {
  const units = sizes.map((size) => ('units' in size ? Math.min(size.units, total) : unitsAt(size.percent, total)))
  const before = lastAlone && total > 1 ? [total - 1] : []
  const rising = [...new Set([...units, ...before, total])].filter((count) => count > 0).sort((a, b) => a - b)
  return rising.map((count, index) => ({ index, percent: Math.round((count / total) * 100), units: count }))
}
