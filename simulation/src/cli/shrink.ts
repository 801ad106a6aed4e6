/**
 * Takes away from a failing life's faults whatever it fails without (delta debugging: halves, quarters, … single faults), so that what is
 * left is the story of the bug. A smaller plan may take another way through the schedule; it counts when the same property is violated.
 */
import type { FaultPlan } from '../world/faults.ts'
import type { Violated } from './life.ts'

export interface Shrunk {
  readonly violated: Violated
  readonly attempts: number
  /** Each fault that is left is needed; false when the time was up before that was seen. */
  readonly minimal: boolean
}

/** @param attempt lives the seed once more with exactly these faults. @returns undefined where nothing, or something else, is violated. */
export async function shrink(
  failing: Violated,
  attempt: (plan: FaultPlan) => Promise<Violated | undefined>,
  isOver: () => boolean,
): Promise<Shrunk> {
  let violated = failing
  let plan = failing.faults
  let attempts = 0
  const without = async (part: FaultPlan): Promise<boolean> => {
    const left = plan.filter((fault) => !part.includes(fault))
    attempts++
    const again = await attempt(left)
    if (!again) return false
    violated = { ...again, faults: left }
    plan = left
    return true
  }
  for (let size = plan.length; size >= 1; ) {
    let smaller = false
    for (let at = 0; at < plan.length; ) {
      if (isOver()) return { violated, attempts, minimal: false }
      if (await without(plan.slice(at, at + size))) smaller = true
      else at += size
    }
    // Single faults are tried again until none can go: one may have been needed only together with another.
    if (size > 1) size = Math.ceil(size / 2)
    else if (!smaller) break
  }
  return { violated, attempts, minimal: true }
}
