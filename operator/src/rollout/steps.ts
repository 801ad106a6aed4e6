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
