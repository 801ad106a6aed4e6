/** Lives seeds until there are enough, one has failed, the time is up or someone stops it; counts what was seen. */
import type { LifeReport, Violated } from './life.ts'
import { liveInThreads } from './threads.ts'

export interface CampaignOptions {
  readonly from: number
  /** How many; undefined: until `untilMs`. */
  readonly seeds: number | undefined
  /** Monotonic. */
  readonly untilMs: number | undefined
  readonly jobs: number
  readonly mutant?: string | undefined
  readonly signal: AbortSignal
  readonly onProgress?: (tally: Tally) => void
}

export interface Tally {
  lives: number
  turns: number
  acknowledged: number
  /** By how they ended. */
  readonly outcomes: Record<string, number>
  /** By seed. Those that were under way when the first one failed may add to it. */
  readonly violations: Violated[]
}

export async function runCampaign(options: CampaignOptions): Promise<Tally> {
  const tally: Tally = { lives: 0, turns: 0, acknowledged: 0, outcomes: {}, violations: [] }
  let given = 0
  const next = () => {
    const enough = options.seeds !== undefined && given >= options.seeds
    const late = options.untilMs !== undefined && performance.now() >= options.untilMs
    if (enough || late || options.signal.aborted || tally.violations.length > 0) return undefined
    return { seed: options.from + given++, mutant: options.mutant }
  }
  const onReport = (report: LifeReport) => {
    count(tally, report)
    options.onProgress?.(tally)
  }
  await liveInThreads({ jobs: options.jobs, next, onReport })
  tally.violations.sort((a, b) => a.seed - b.seed)
  return tally
}

function count(tally: Tally, report: LifeReport): void {
  tally.lives++
  if (report.kind === 'violated') {
    tally.turns += report.turn
    tally.violations.push(report)
    return
  }
  tally.turns += report.turns
  tally.acknowledged += report.acknowledged
  tally.outcomes[report.outcome] = (tally.outcomes[report.outcome] ?? 0) + 1
}
