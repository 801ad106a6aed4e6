/**
 * From single measurements to what a rollout may do: m failures of the last n fail a gate, a measurement without data holds (or as
 * the policy says), and a gate that holds past the deadline fails too. The tracks are plain data, kept in status, so that an operator
 * which restarts again and again still counts failures. Invariant: `pass` needs a Pass of every gate in the newest measurement; where the
 * user's own `onNoData: Pass` lets a gate without data out of the way, the judgement says `waived`, and is not shown as a pass.
 */
import type { GateMetric, GateReading, Verdict } from './gates.ts'

export interface JudgePolicy {
  /** m of n. */
  readonly failures: number
  readonly of: number
  readonly onNoData: 'Hold' | 'Fail' | 'Pass'
  /** A gate may go without a Pass this long. */
  readonly deadlineMs: number
}

export interface GateTrack {
  readonly metric: GateMetric
  readonly subject: GateReading['subject']
  /** Newest last, at most `of`. */
  readonly recent: readonly Verdict[]
  /** Since when there was no Pass; undefined while it passes. */
  readonly notPassingSinceMs: number | undefined
}

export type Judgement =
  | { readonly kind: 'pass' }
  /** Nothing stands in the way, but not everything was measured: `onNoData: Pass`. */
  | { readonly kind: 'waived'; readonly reading: GateReading }
  | {
      readonly kind: 'hold'
      readonly why: 'failing' | 'no-data' | 'error' | 'not-measured'
      readonly reading: GateReading | undefined
    }
  | { readonly kind: 'fail'; readonly why: 'failures' | 'deadline'; readonly reading: GateReading; readonly text: string }

/**
 * Takes one measurement of every gate into the tracks and judges them. `settling`: a step was applied less than a window ago, so that
 * there cannot be many samples yet; NoData then holds, but is not counted against the gate.
 */
export function judge(
  policy: JudgePolicy,
  before: readonly GateTrack[],
  readings: readonly GateReading[],
  nowMs: number,
  settling = false,
): { tracks: GateTrack[]; judgement: Judgement } {
  const tracks = readings.map((reading) => {
    const earlier = before.find((track) => track.metric === reading.metric && track.subject === reading.subject)
    const counts = !(settling && reading.verdict === 'NoData')
    const recent = [...(earlier?.recent ?? []), ...(counts ? [reading.verdict] : [])].slice(-policy.of)
    const passing = reading.verdict === 'Pass' || (reading.verdict === 'NoData' && policy.onNoData === 'Pass')
    const { metric, subject } = reading
    const notPassingSinceMs = passing ? undefined : (earlier?.notPassingSinceMs ?? nowMs)
    return { metric, subject, recent, notPassingSinceMs }
  })
  return { tracks, judgement: conclude(policy, tracks, readings, nowMs) }
}

function conclude(policy: JudgePolicy, tracks: readonly GateTrack[], readings: readonly GateReading[], nowMs: number): Judgement {
  const fails = (verdict: Verdict) => verdict === 'Fail' || (policy.onNoData === 'Fail' && verdict !== 'Pass')
  // What the pods of a step show by themselves comes first: where they pull the whole fleet over its limit as well, it says whom to blame.
  const judged = tracks
    .map((track, i) => ({ track, reading: readings[i] as GateReading }))
    .sort((a, b) => Number(b.track.subject === 'canary') - Number(a.track.subject === 'canary'))
  for (const { track, reading } of judged) {
    const failed = track.recent.filter(fails).length
    // The newest must be among the failures: a gate that has recovered is not failed by its past alone.
    if (failed >= policy.failures && fails(reading.verdict)) {
      return {
        kind: 'fail',
        why: 'failures',
        reading,
        text: `${failed} of the last ${track.recent.length} measurements failed: ${reading.message}`,
      }
    }
  }
  for (const { track, reading } of judged) {
    if (track.notPassingSinceMs !== undefined && nowMs - track.notPassingSinceMs >= policy.deadlineMs) {
      return {
        kind: 'fail',
        why: 'deadline',
        reading,
        text: `no pass for ${Math.round((nowMs - track.notPassingSinceMs) / 1000)} s: ${reading.message}`,
      }
    }
  }
  const first = (verdict: Verdict) => readings.find((reading) => reading.verdict === verdict)
  const failing = judged.find(({ reading }) => reading.verdict === 'Fail')?.reading
  if (failing) return { kind: 'hold', why: 'failing', reading: failing }
  const error = first('Error')
  if (error) return { kind: 'hold', why: 'error', reading: error }
  const empty = first('NoData')
  if (empty)
    return policy.onNoData === 'Pass' ? { kind: 'waived', reading: empty } : { kind: 'hold', why: 'no-data', reading: empty }
  return readings.length === 0 ? { kind: 'hold', why: 'not-measured', reading: undefined } : { kind: 'pass' }
}

/** Whether a rollout may go on to its next step. */
export const allows = (judgement: Judgement): boolean => judgement.kind === 'pass' || judgement.kind === 'waived'
