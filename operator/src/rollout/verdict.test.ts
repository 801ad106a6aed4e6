import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GateReading, Verdict } from './gates.ts'
import { decideRollout, performMove } from './rollout.ts'
import { type StepSize, sizedTargets, stepTargets } from './steps.ts'
import { allows, type GateTrack, type Judgement, type JudgePolicy, judge } from './verdict.ts'

const policy: JudgePolicy = { failures: 2, of: 3, onNoData: 'Hold', deadlineMs: 60_000 }
const readingOf = (verdict: Verdict, atMs = 0): GateReading => ({
  metric: 'maxErrorRate',
  subject: undefined,
  verdict,
  query: 'q',
  value: verdict === 'NoData' ? undefined : 1,
  threshold: 1,
  samples: verdict === 'NoData' ? 0 : 100,
  atMs,
  message: verdict,
})

function run(verdicts: readonly Verdict[], over: Partial<JudgePolicy> = {}, stepMs = 1000): Judgement {
  let tracks: GateTrack[] = []
  let judgement: Judgement = { kind: 'hold', why: 'not-measured', reading: undefined }
  for (const [i, verdict] of verdicts.entries())
    ({ tracks, judgement } = judge({ ...policy, ...over }, tracks, [readingOf(verdict)], i * stepMs))
  return judgement
}

describe('judging measurements', () => {
  it.each<[string, Verdict[], Partial<JudgePolicy>, string]>([
    ['one pass', ['Pass'], {}, 'pass'],
    ['one failure of three is a blip', ['Pass', 'Fail'], {}, 'hold/failing'],
    ['a blip that has passed', ['Pass', 'Fail', 'Pass'], {}, 'pass'],
    ['two failures of three', ['Fail', 'Pass', 'Fail'], {}, 'fail/failures'],
    ['old failures are forgotten', ['Fail', 'Pass', 'Pass', 'Fail'], {}, 'hold/failing'],
    ['no data holds', ['Pass', 'NoData'], {}, 'hold/no-data'],
    ['no data fails, where that is wanted', ['NoData', 'NoData'], { onNoData: 'Fail' }, 'fail/failures'],
    ['no data is let through, where that is wanted, but is no pass', ['NoData'], { onNoData: 'Pass' }, 'waived'],
    ['an error is never let through', ['Error'], { onNoData: 'Pass' }, 'hold/error'],
    ['an error holds', ['Error', 'Error', 'Error'], {}, 'hold/error'],
  ])('%s', (_name, verdicts, over, expected) => {
    const judgement = run(verdicts, over)
    expect('why' in judgement ? `${judgement.kind}/${judgement.why}` : judgement.kind).toBe(expected)
  })

  it('holds until the deadline, then fails', () => {
    expect(run(['NoData', 'NoData', 'NoData'], {}, 29_000).kind).toBe('hold')
    expect(run(['NoData', 'NoData', 'NoData'], {}, 30_000)).toMatchObject({ kind: 'fail', why: 'deadline' })
  })

  it('names the canary where it has pulled the whole fleet over its limit as well', () => {
    const both = [readingOf('Fail'), { ...readingOf('Fail'), subject: 'canary' as const }]
    const { tracks, judgement } = judge(policy, [], both, 0)
    expect(judgement).toMatchObject({ kind: 'hold', why: 'failing', reading: { subject: 'canary' } })
    expect(judge(policy, tracks, both, 1000).judgement).toMatchObject({ kind: 'fail', reading: { subject: 'canary' } })
  })

  it('does not count missing samples against a gate right after a step', () => {
    const strict = { ...policy, onNoData: 'Fail' as const }
    let tracks: GateTrack[] = []
    for (let i = 0; i < 5; i++) ({ tracks } = judge(strict, tracks, [readingOf('NoData')], i * 1000, true))
    expect(judge(strict, tracks, [readingOf('Pass')], 6000).judgement.kind).toBe('pass')
  })

  it('passes only when every gate passed in the newest measurement', () => {
    const verdict = fc.constantFrom<Verdict>('Pass', 'Fail', 'NoData', 'Error')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(verdict, verdict), { minLength: 1, maxLength: 10 }),
        fc.constantFrom('Hold' as const, 'Fail' as const, 'Pass' as const),
        (rounds, onNoData) => {
          let tracks: GateTrack[] = []
          let judgement: Judgement = { kind: 'hold', why: 'not-measured', reading: undefined }
          for (const [i, pair] of rounds.entries()) {
            const readings = pair.map((each, g) => ({
              ...readingOf(each),
              metric: g === 0 ? ('maxErrorRate' as const) : ('maxLatencyP95' as const),
            }))
            ;({ tracks, judgement } = judge({ ...policy, onNoData }, tracks, readings, i * 1000))
          }
          const last = rounds.at(-1) as Verdict[]
          if (judgement.kind === 'pass') expect(last.every((each) => each === 'Pass')).toBe(true)
          if (allows(judgement))
            expect(last.every((each) => each === 'Pass' || (each === 'NoData' && onNoData === 'Pass'))).toBe(true)
        },
      ),
    )
  })

  it('no gates at all are no pass', () => {
    expect(judge(policy, [], [], 0).judgement).toMatchObject({ kind: 'hold', why: 'not-measured' })
  })
})

describe('a rollout', () => {
  const plan = { targets: stepTargets([1, 10, 50, 100], 200), stepMs: 1000, onGateFailure: 'Rollback' as const }
  const pass: Judgement = { kind: 'pass' }
  const fail: Judgement = { kind: 'fail', why: 'failures', reading: readingOf('Fail'), text: 'bad' }
  const hold: Judgement = { kind: 'hold', why: 'no-data', reading: readingOf('NoData') }
  const at = (applied: number, target = applied, reverting = false) => ({ applied, target, watchingSinceMs: 0, reverting })

  it('goes through its steps, each after its watch, and ends', () => {
    expect(decideRollout(plan, at(0), pass, false, 0)).toMatchObject({ kind: 'apply', step: { percent: 1, units: 2 } })
    expect(decideRollout(plan, at(2), pass, false, 500)).toMatchObject({ kind: 'watch', forMs: 500 })
    expect(decideRollout(plan, at(2), pass, false, 1000)).toMatchObject({ kind: 'apply', step: { percent: 10, units: 20 } })
    expect(decideRollout(plan, at(100), pass, false, 1000)).toMatchObject({ kind: 'apply', step: { percent: 100 } })
    expect(decideRollout(plan, at(200), pass, false, 1000)).toEqual({ kind: 'done' })
  })

  it('finishes a step that was begun, then waits for the gates and for whoever paused it', () => {
    expect(decideRollout(plan, at(7, 20), hold, true, 5000)).toMatchObject({ kind: 'apply', step: { units: 20 } })
    expect(decideRollout(plan, at(20), hold, false, 5000)).toMatchObject({ kind: 'watch', why: 'NoData' })
    expect(decideRollout(plan, at(20), pass, true, 5000)).toMatchObject({ kind: 'watch', why: 'paused' })
  })

  it('takes everything back when a gate fails, or freezes, paused or not', () => {
    expect(decideRollout(plan, at(20), fail, true, 0)).toEqual({ kind: 'revert', why: 'bad' })
    expect(decideRollout({ ...plan, onGateFailure: 'Freeze' }, at(20), fail, false, 0)).toEqual({ kind: 'freeze', why: 'bad' })
    expect(decideRollout(plan, at(20, 20, true), pass, false, 0)).toMatchObject({ kind: 'revert' })
    expect(decideRollout(plan, at(0, 0, true), pass, false, 0)).toEqual({ kind: 'reverted' })
  })

  it('each step adds units, and the last reaches all, for any total and any steps', () => {
    const percents = fc
      .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 8 })
      .map((list) => [...list.sort((a, b) => a - b), 100])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), percents, (total, list) => {
        const units = stepTargets(list, total).map((target) => target.units)
        expect(units.at(-1)).toBe(total)
        expect(units.every((each, i) => each > (units[i - 1] ?? 0))).toBe(true)
      }),
    )
  })

  it('ends with all units applied or none, whatever the gates say on the way', async () => {
    const judgements = fc.array(fc.constantFrom(pass, pass, pass, hold, fail), { minLength: 30, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(judgements, async (sequence) => {
        const applied = new Set<number>()
        const effects = {
          apply: async (count: number) => {
            for (let unit = 0; unit < count; unit++) applied.add(unit)
          },
          revert: async () => applied.clear(),
        }
        let reverting = false
        for (const [i, judgement] of [...sequence, ...Array.from({ length: 10 }, () => pass)].entries()) {
          const move = decideRollout(plan, at(applied.size, applied.size, reverting), judgement, false, (i + 1) * 1000)
          if (move.kind === 'apply') expect(judgement.kind).toBe('pass')
          reverting ||= move.kind === 'revert'
          await performMove(move, effects)
        }
        expect(applied.size).toBe(reverting ? 0 : 200)
      }),
      { numRuns: 50 },
    )
  })
})

describe('steps of either kind', () => {
  const quarters: StepSize[] = [{ units: 1 }, { percent: 25 }, { percent: 50 }, { percent: 100 }]
  it.each<[total: number, lastAlone: boolean, units: number[]]>([
    [0, true, []],
    [1, true, [1]],
    [3, true, [1, 2, 3]],
    [10, false, [1, 3, 5, 10]],
    [10, true, [1, 3, 5, 9, 10]],
  ])('of %d units, the last one alone: %s', (total, lastAlone, units) => {
    expect(sizedTargets(quarters, total, lastAlone).map((target) => target.units)).toEqual(units)
  })

  it('end with everything, and never ask for more than there is', () => {
    expect(sizedTargets([{ units: 7 }], 3, false).map((target) => target.units)).toEqual([3])
    expect(sizedTargets([{ units: 2 }], 5, false).map((target) => target.units)).toEqual([2, 5])
  })

  it('of a canary and the fleet keep failures apart', () => {
    const { tracks } = judge(policy, [], [readingOf('Fail'), { ...readingOf('Pass'), subject: 'canary' }], 0)
    expect(tracks).toMatchObject([{ recent: ['Fail'] }, { subject: 'canary', recent: ['Pass'] }])
    const after = judge(policy, tracks, [readingOf('Pass'), { ...readingOf('Fail'), subject: 'canary' }], 1)
    expect(after.tracks).toMatchObject([{ recent: ['Fail', 'Pass'] }, { recent: ['Pass', 'Fail'] }])
  })
})
