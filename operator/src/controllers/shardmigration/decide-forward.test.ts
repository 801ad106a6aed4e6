import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { annotationOf, VERBS } from '../../api/group.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { Verdict } from '../../rollout/gates.ts'
import { decide } from './decide.ts'
import { intentOf } from './intent.ts'
import type { Observed, RunningView } from './observed.ts'
import {
  base,
  condition,
  events,
  kinds,
  look,
  measured,
  midway,
  NOW,
  plan,
  pods,
  running,
  sources,
  targets,
  union,
  work,
} from './observed-fixtures.ts'

describe('before anything moves', () => {
  it('writes the plan, tells the pods of all shards, and starts once they run it and the gates pass', () => {
    const first = decide(look({ pods: pods(sources) }))
    expect(first.status).toMatchObject({ phase: 'Planning', planHash: 'plan1', progress: { totalKeys: 1000 } })
    expect(kinds(first)).not.toContain('configure')
    const second = decide(look({ status: first.status, measurement: measured('Pass'), pods: pods(sources) }))
    expect(kinds(second)).toContain('configure')
    expect(kinds(second)).not.toContain('start')
    const third = decide(look({ status: second.status, pods: pods(union) }))
    expect(third.actions).toContainEqual({ kind: 'start', planHash: 'plan1', migrationId: 'm-00000000-1' })
    expect(third.status).toMatchObject({ phase: 'Copying', migrationId: 'm-00000000-1' })
  })

  it.each<Verdict>(['Fail', 'NoData', 'Error'])('does not start on a gate that says %s', (verdict) => {
    let status: ShardMigrationStatus | undefined
    for (let i = 0; i < 5; i++) {
      const decided = decide(look({ status, measurement: measured(verdict), nowMs: NOW + i * 1000 }))
      expect(kinds(decided)).not.toContain('start')
      status = decided.status
    }
    expect(status).toMatchObject({ phase: 'Planning' })
  })

  it('does not start without a measurement', () => {
    const first = decide(look())
    expect(kinds(decide(look({ status: first.status })))).not.toContain('start')
  })

  it('gives up at the deadline, with the reading that was in the way, and nothing changed', () => {
    const first = decide(look({ measurement: measured('Fail') }))
    const late = decide(
      look({ status: first.status, measurement: measured('Fail'), nowMs: NOW + base.progressDeadlineSeconds * 1000 + 1 }),
    )
    expect(late.status).toMatchObject({
      phase: 'Failed',
      halt: { reason: 'DeadlineExceeded', reading: { verdict: 'Fail' } },
      migrationId: undefined,
    })
    expect(condition(late, 'Stalled')).toBe('True/DeadlineExceeded')
  })

  it('stops after the plan of a dry run, and says that it is ready', () => {
    const decided = decide(look({ spec: { ...base, dryRun: true }, measurement: measured('Pass') }))
    expect(decided.status).toMatchObject({ phase: 'Planning', planHash: 'plan1' })
    expect(condition(decided, 'Ready')).toBe('True/DryRunComplete')
    expect(
      kinds(decide(look({ spec: { ...base, dryRun: true }, status: decided.status, measurement: measured('Pass') }))),
    ).not.toContain('start')
  })

  describe('with approval Manual', () => {
    const spec: ShardMigrationSpec = { ...base, approval: 'Manual' }
    const waiting = decide(look({ spec, measurement: measured('Pass') })).status
    const approve = (value: string, over: Partial<Observed> = {}) =>
      decide(
        look({
          spec,
          status: waiting,
          annotations: { [annotationOf('approve')]: value },
          measurement: measured('Pass'),
          ...over,
        }),
      )

    it('waits for the annotation with the plan hash', () => {
      const decided = decide(look({ spec, status: waiting, measurement: measured('Pass') }))
      expect(kinds(decided)).not.toContain('start')
      expect(condition(decided, 'PlanApproved')).toBe('False/AwaitingApproval')
    })

    it('goes on with the right hash, and consumes it', () => {
      const decided = approve('plan1')
      expect(decided.actions).toContainEqual({ kind: 'consume', verb: 'approve', value: 'plan1' })
      expect(decided.status.verbs).toMatchObject([{ verb: 'approve', value: 'plan1', accepted: true, pending: true }])
      const started = decide(look({ spec, status: decided.status, measurement: measured('Pass') }))
      expect(kinds(started)).toContain('start')
    })

    it('ignores the hash of another plan, with a warning', () => {
      const decided = approve('plan0')
      expect(events(decided)).toContain('Warning ApprovalMismatch')
      expect(decided.status.approvedHash).toBeUndefined()
    })

    it('drops an approval when the plan is another one by then', () => {
      const approved = approve('plan1', { pods: pods(sources) }).status
      const decided = decide(
        look({
          spec,
          status: approved,
          engine: { kind: 'unstarted', plan: { ...plan, hash: 'plan2' } },
          measurement: measured('Pass'),
        }),
      )
      expect(events(decided)).toContain('Normal PlanStale')
      expect(decided.status).toMatchObject({ planHash: 'plan2', approvedHash: undefined })
      expect(kinds(decided)).not.toContain('start')
    })
  })

  it('says why no plan can be made', () => {
    const decided = decide(look({ engine: { kind: 'unstarted', plan: { refused: 'shard b belongs to another fleet' } } }))
    expect(decided.status.message).toContain('shard b belongs to another fleet')
    expect(condition(decided, 'Stalled')).toBe('True/PlanImpossible')
  })

  it('is complete when every slot is where it belongs', () => {
    const decided = decide(look({ engine: { kind: 'unstarted', plan: { ...plan, slots: 0, keys: 0 } } }))
    expect(decided.status.phase).toBe('Completed')
  })

  it('waits for a migration that works on the same shards', () => {
    const decided = decide(look({ engine: { kind: 'not-needed' }, waitsFor: 'other' }))
    expect(decided.status).toMatchObject({ phase: 'Pending' })
    expect(decided.status.message).toContain('other')
  })

  it('fails a spec that was never usable, naming the field, and starts when it is corrected', () => {
    const problems = [{ field: 'spec.batchSize', message: 'must be >= 1, not 0' }]
    const bad = decide(look({ spec: undefined, problems, engine: { kind: 'not-needed' } }))
    expect(bad.status).toMatchObject({ phase: 'Failed' })
    expect(bad.status.message).toContain('spec.batchSize: must be >= 1, not 0')
    const corrected = decide(look({ status: bad.status, generation: 2 }))
    expect(corrected.status).toMatchObject({ phase: 'Planning', attempt: 2, observedGeneration: 2 })
  })
})

describe('the cutover', () => {
  const soaked = (over: Partial<Observed> = {}, status: Partial<ShardMigrationStatus> = {}) =>
    decide(
      look({
        status: midway({ phase: 'DualWrite', ...status }),
        engine: running({ phase: 'DualWrite', milestone: 'soaked', reached: true }),
        ...over,
      }),
    )

  it('begins with its first step when the soak is over and the gates pass', () => {
    const decided = soaked({ measurement: measured('Pass') })
    expect(decided.status.target).toEqual({ upTo: 'cut-over', cutoverPercent: 1 })
  })

  it.each<Verdict>(['Fail', 'NoData', 'Error'])('does not begin while a gate says %s', (verdict) => {
    expect(soaked({ measurement: measured(verdict) }).status.target.upTo).toBe('soaked')
  })

  it('takes the next step only after the watch, on measurements made since', () => {
    const engine = running({ phase: 'Cutover', milestone: 'soaked', reached: true, slotsAtTarget: 1 })
    const status = midway({ phase: 'Cutover', target: { upTo: 'cut-over', cutoverPercent: 1 } })
    const arrived = decide(look({ status, engine }))
    expect(arrived.status).toMatchObject({
      watchedPercent: 1,
      watchFromMs: NOW,
      judgement: { kind: 'hold', why: 'not-measured' },
    })
    const early = decide(look({ status: arrived.status, engine, measurement: measured('Pass'), nowMs: NOW + 4000 }))
    expect(early.status.target.cutoverPercent).toBe(1)
    const late = decide(look({ status: arrived.status, engine, measurement: measured('Pass'), nowMs: NOW + 5000 }))
    expect(late.status.target.cutoverPercent).toBe(10)
    const unmeasured = decide(look({ status: arrived.status, engine, nowMs: NOW + 60_000 }))
    expect(unmeasured.status.target.cutoverPercent).toBe(1)
  })

  it('announces the point of no return in one look, and passes it in a later one', () => {
    const engine = running({ phase: 'Cutover', milestone: 'certified', reached: true, slotsAtTarget: 100 })
    const status = midway({ phase: 'Cutover', target: { upTo: 'certified', cutoverPercent: 100 } })
    const announced = decide(look({ status, engine }))
    expect(events(announced)).toContain('Normal PointOfNoReturn')
    expect(work(announced)).toEqual([{ kind: 'run', upTo: 'certified', cutoverPercent: 100 }])
    const passed = decide(look({ status: announced.status, engine }))
    expect(work(passed)).toEqual([{ kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }])
    expect(condition(passed, 'Reversible')).toBe('False/PointOfNoReturn')
  })

  it('ends with the pods knowing the targets only', () => {
    const done = decide(
      look({
        status: midway({ phase: 'Cleanup', target: { upTo: 'cleaned', cutoverPercent: 100 } }),
        engine: running({ phase: 'Completed', outcome: 'completed' }),
      }),
    )
    expect(done.status).toMatchObject({ phase: 'Completed', progress: { percentage: 100 }, fleetConfig: { shards: 'targets' } })
    expect(kinds(done)).toContain('configure')
    const rested = decide(look({ status: done.status, engine: { kind: 'not-needed' }, pods: pods(targets) }))
    expect(kinds(rested)).toEqual(['release'])
    expect(rested.requeueAfterMs).toBeUndefined()
    expect(condition(rested, 'Ready')).toBe('True/MigrationComplete')
    // The next migration has given the pods another config; this one, looked at anew, must not take that back.
    const later = look({
      status: rested.status,
      engine: { kind: 'not-needed' },
      measurement: measured('Pass'),
      pods: pods('later'),
    })
    expect(kinds(decide(later))).toEqual(['release'])
  })
})

describe('whatever is observed', () => {
  const verdict = fc.constantFrom<Verdict>('Pass', 'Fail', 'NoData', 'Error')
  const phase = fc.constantFrom<RunningView['phase']>('Copying', 'Verifying', 'DualWrite', 'Cutover', 'Cleanup')
  const event = fc.record({
    view: fc.record({ phase, reached: fc.boolean(), slotsAtTarget: fc.integer({ min: 0, max: 100 }) }),
    verdict: fc.option(verdict, { nil: undefined }),
    verb: fc.option(fc.constantFrom(...VERBS), { nil: undefined }),
    seconds: fc.integer({ min: 0, max: 20 }),
  })

  it('goes beyond the soak only on gates that pass, and past the point of no return only after announcing it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (events) => {
        let status: ShardMigrationStatus = midway()
        let nowMs = NOW
        for (const [i, { view, verdict, verb, seconds }] of events.entries()) {
          nowMs += seconds * 1000
          const before = status
          const decided = decide(
            look({
              status,
              engine: running(view),
              measurement: verdict && measured(verdict),
              annotations: verb ? { [annotationOf(verb)]: `${i}` } : {},
              nowMs,
            }),
          )
          status = decided.status
          if (status.attempt !== before.attempt) return
          if (status.target.cutoverPercent > before.target.cutoverPercent) expect(status.judgement.kind).toBe('pass')
          if (status.target.upTo === 'cleaned')
            expect(before.noReturnAnnouncedAt ?? before.target.upTo === 'cleaned').toBeTruthy()
          expect(status.decisions.length).toBeLessThanOrEqual(10)
          for (const intent of work(decided)) expect(intent).toEqual(intentOf(status, base))
        }
      }),
      { numRuns: 300 },
    )
  })
})
