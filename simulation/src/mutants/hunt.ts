/** Lives with each planted bug until one life finds it, and sees that the same life without the bug finds nothing. */
import type { Violated } from '../cli/life.ts'
import type { Order } from '../cli/life-thread.ts'
import { liveInThreads } from '../cli/threads.ts'
import type { Mutant } from './mutant.ts'

export interface Hunted {
  readonly mutant: Mutant
  /** How many seeds it took, from 1 on; undefined: it was not found. */
  readonly seeds: number | undefined
  readonly violated: Violated | undefined
}

export interface HuntOptions {
  readonly mutants: readonly Mutant[]
  /** As many seeds are tried for each. */
  readonly within: number
  readonly jobs: number
  readonly signal: AbortSignal
  readonly onHunted: (hunted: Hunted) => void
}

interface Quarry {
  readonly mutant: Mutant
  given: number
  reported: number
  /** Of the lowest seed. */
  violated: Violated | undefined
  closed: boolean
}

/** @throws Error when a life fails without any bug of ours: then nothing can be said of those that have one. */
export async function hunt({ mutants, within, jobs, signal, onHunted }: HuntOptions): Promise<readonly Hunted[]> {
  const hunted: Hunted[] = []
  const quarries = mutants.map((mutant): Quarry => ({ mutant, given: 0, reported: 0, violated: undefined, closed: false }))
  const checks: Order[] = []
  const next = (): Order | undefined => {
    const check = checks.shift()
    if (check || signal.aborted) return check
    const quarry = quarries.find(({ given, violated }) => violated === undefined && given < within)
    return quarry && { seed: ++quarry.given, mutant: quarry.mutant.name }
  }
  const close = (quarry: Quarry) => {
    const { mutant, violated, given, reported } = quarry
    // The lives under way with lower seeds may be the ones that count.
    if (quarry.closed || reported < given || (!violated && given < within)) return
    quarry.closed = true
    if (violated) checks.push({ seed: violated.seed })
    const one = { mutant, seeds: violated?.seed, violated }
    hunted.push(one)
    onHunted(one)
  }
  await liveInThreads({
    jobs,
    next,
    onReport: (report, { seed, mutant: name }) => {
      if (name === undefined) {
        if (report.kind === 'violated') throw new Error(`seed ${seed} fails without a planted bug: ${report.message}`)
        return
      }
      const quarry = quarries.find(({ mutant }) => mutant.name === name)
      if (!quarry) return
      quarry.reported++
      if (report.kind === 'violated' && seed < (quarry.violated?.seed ?? Number.POSITIVE_INFINITY)) quarry.violated = report
      close(quarry)
    },
  })
  return hunted
}
