import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { annotationOf, VERBS, type Verb } from '../../api/group.ts'
import { type ShardMigrationSpec, withDefaults } from '../../api/shardmigration.ts'
import { PHASES, type Phase, type ShardMigrationStatus } from '../../api/status.ts'
import type { GateReading, Verdict } from '../../rollout/gates.ts'
import { decide } from './decide.ts'
import { freshStatus } from './draft.ts'
import { configOf } from './fleet-config.ts'
import { intentOf } from './intent.ts'
import type { Decided, EngineObservation, Observed, RunningView } from './observed.ts'

const NOW = 1_800_000_000_000
const base = withDefaults({
  sourceShards: ['redis://a:6379'],
  targetShards: ['redis://b:6379', 'redis://c:6379'],
  dedupBackend: 'redis',
  gates: { windowSeconds: 10, intervalSeconds: 1, minSamples: 10 },
  stepSeconds: 5,
})
const union = revisionOf(configOf(base, 'union'))
const targets = revisionOf(configOf(base, 'targets'))
const sources = revisionOf(configOf(base, 'sources'))

const plan = {
  hash: 'plan1',
  slots: 100,
  keys: 1000,
  bytes: 50_000,
  copySeconds: 1,
  moves: [],
  blastRadiusPercent: 1,
  leaving: [],
  warnings: [],
}
const unstarted: EngineObservation = { kind: 'unstarted', plan }

const quiet: RunningView = {
  phase: 'Copying',
  milestone: 'planned',
  reached: false,
  blocked: undefined,
  message: 'copying',
  slowSlots: undefined,
  totalSlots: 100,
  slotsCopied: 0,
  slotsVerified: 0,
  slotsAtTarget: 0,
  backlogKeys: 0,
  lagMs: 0,
  keysCopied: 0,
  totalKeys: 1000,
  bytesCopied: 0,
  keysPerSecond: undefined,
  pastNoReturn: false,
  certificate: undefined,
  outcome: undefined,
}
const running = (view: Partial<RunningView> = {}, stopped?: { reason: string; message: string }): EngineObservation => ({
  kind: 'running',
  view: { ...quiet, ...view },
  stopped,
})

function reading(verdict: Verdict): GateReading {
  return {
    metric: 'maxErrorRate',
    verdict,
    query: 'q',
    value: 1,
    threshold: 1,
    samples: verdict === 'NoData' ? 0 : 100,
    atMs: NOW,
    message: `it says ${verdict}`,
  }
}
const measured = (verdict: Verdict) => ({ readings: [reading(verdict)], p95Ms: 12 })

const pods = (revision: string) => [{ pod: 'pod-0', revision }]

function look(over: Partial<Observed> = {}): Observed {
  return {
    name: 'm',
    uid: '00000000-0000-4000-8000-000000000000',
    generation: 1,
    annotations: {},
    deletionRequested: false,
    spec: base,
    problems: [],
    status: undefined,
    engine: unstarted,
    measurement: undefined,
    pods: pods(union),
    waitsFor: undefined,
    nowMs: NOW,
    ...over,
  }
}

/** A status as it is in the middle of a migration. */
function midway(over: Partial<ShardMigrationStatus> = {}): ShardMigrationStatus {
  return {
    ...freshStatus(1, 1, NOW),
    phase: 'Copying',
    migrationId: 'm-00000000-1',
    planHash: 'plan1',
    target: { upTo: 'soaked', cutoverPercent: 0 },
    judgement: { kind: 'pass' },
    gates: [reading('Pass')],
    fleetConfig: { shards: 'union', revision: union, slowdownMs: 0 },
    ...over,
  }
}

const kinds = (decided: Decided) => decided.actions.map((action) => action.kind)
const events = (decided: Decided) =>
  decided.actions.flatMap((action) => (action.kind === 'event' ? [`${action.type} ${action.reason}`] : []))
const work = (decided: Decided) => decided.actions.flatMap((action) => (action.kind === 'work' ? [action.intent] : []))
const condition = (decided: Decided, type: string) => {
  const found = decided.status.conditions.find((each) => each.type === type)
  return `${found?.status}/${found?.reason}`
}

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
  })
})

describe('a gate that fails', () => {
  const failing = midway({
    phase: 'Cutover',
    target: { upTo: 'cut-over', cutoverPercent: 10 },
    gateTracks: [{ metric: 'maxErrorRate', recent: ['Fail'], notPassingSinceMs: NOW }],
  })
  const engine = running({ phase: 'Cutover', milestone: 'soaked', slotsAtTarget: 10 })

  it('rolls back, keeps the reading that caused it, and tells', () => {
    const decided = decide(look({ status: failing, engine, measurement: measured('Fail') }))
    expect(decided.status).toMatchObject({
      phase: 'RollingBack',
      halt: { kind: 'Rollback', reason: 'GateFailed', reading: { verdict: 'Fail', value: 1, threshold: 1 } },
    })
    expect(events(decided)).toContain('Warning GateFailed')
    expect(work(decided)).toEqual([{ kind: 'rollback' }])
    expect(condition(decided, 'GatePassed')).toBe('False/GateFailed')
  })

  it('rolls back while paused too', () => {
    expect(work(decide(look({ status: { ...failing, paused: true }, engine, measurement: measured('Fail') })))).toEqual([
      { kind: 'rollback' },
    ])
  })

  it('does not turn round again when the gate recovers', () => {
    const rolling = decide(look({ status: failing, engine, measurement: measured('Fail') })).status
    expect(work(decide(look({ status: rolling, engine, measurement: measured('Pass') })))).toEqual([{ kind: 'rollback' }])
  })

  it('ends as Failed, with the sources alone in the config, and stays so until a retry or another spec', () => {
    const rolling = decide(look({ status: failing, engine, measurement: measured('Fail') })).status
    const ended = decide(look({ status: rolling, engine: running({ phase: 'RolledBack', outcome: 'rolled-back' }) }))
    expect(ended.status).toMatchObject({ phase: 'Failed', fleetConfig: { shards: 'sources' }, halt: { reason: 'GateFailed' } })
    const rested = decide(
      look({ status: ended.status, engine: { kind: 'not-needed' }, measurement: measured('Pass'), pods: pods(sources) }),
    )
    expect([rested.status.phase, kinds(rested), rested.requeueAfterMs]).toEqual(['Failed', ['release'], undefined])
    const again = decide(
      look({ status: rested.status, engine: { kind: 'not-needed' }, annotations: { [annotationOf('retry')]: '1' } }),
    )
    expect(again.status).toMatchObject({ attempt: 2, halt: undefined, migrationId: undefined })
    expect(decide(look({ status: rested.status, engine: { kind: 'not-needed' }, generation: 2 })).status.attempt).toBe(2)
  })

  it('freezes where that is wanted, goes on after a retry, and can still be aborted', () => {
    const spec: ShardMigrationSpec = { ...base, onGateFailure: 'Freeze' }
    const frozen = decide(look({ spec, status: failing, engine, measurement: measured('Fail') }))
    expect(work(frozen)).toEqual([{ kind: 'pause' }])
    expect(condition(frozen, 'Stalled')).toBe('True/Frozen')
    const retried = decide(look({ spec, status: frozen.status, engine, annotations: { [annotationOf('retry')]: '1' } }))
    expect(work(retried)).toEqual([{ kind: 'run', upTo: 'cut-over', cutoverPercent: 10 }])
    const aborted = decide(look({ spec, status: frozen.status, engine, annotations: { [annotationOf('abort')]: '1' } }))
    expect(work(aborted)).toEqual([{ kind: 'rollback' }])
  })

  it('makes the clean-up wait, for there is no way back', () => {
    const status = { ...failing, phase: 'Cleanup' as const, target: { upTo: 'cleaned' as const, cutoverPercent: 100 } }
    const cleaning = running({ phase: 'Cleanup', milestone: 'certified', pastNoReturn: true, slotsAtTarget: 100 })
    const decided = decide(look({ status, engine: cleaning, measurement: measured('Fail') }))
    expect([decided.status.halt, work(decided)]).toEqual([undefined, []])
    const recovered = decide(look({ status: decided.status, engine: cleaning, measurement: measured('Pass') }))
    expect(work(recovered)).toEqual([{ kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }])
  })
})

describe('what else ends a migration early', () => {
  it.each<[string, EngineObservation, string]>([
    [
      'writes that come faster than they are applied',
      running({ phase: 'DualWrite', blocked: { reason: 'NotConverging', message: '9 s behind' } }),
      'NotConverging',
    ],
    ['another record at the target', running({}, { reason: 'Intruder', message: 'b holds another record' }), 'RecordConflict'],
    ['digests that do not meet', running({ phase: 'Cutover' }, { reason: 'DigestsDiffer', message: 'slot 7' }), 'DigestsDiffer'],
  ])('%s', (_name, engine, reason) => {
    expect(decide(look({ status: midway(), engine })).status.halt).toMatchObject({ kind: 'Rollback', reason })
    expect(decide(look({ spec: { ...base, onGateFailure: 'Freeze' }, status: midway(), engine })).status.halt).toMatchObject({
      kind: 'Freeze',
      reason,
    })
  })

  it('no progress for longer than the deadline', () => {
    const status = decide(look({ status: midway(), engine: running() })).status
    const patience = (base.progressDeadlineSeconds + base.soakSeconds + base.stepSeconds) * 1000
    expect(decide(look({ status, engine: running(), nowMs: NOW + patience })).status.halt).toBeUndefined()
    expect(decide(look({ status, engine: running(), nowMs: NOW + patience + 1 })).status.halt).toMatchObject({
      reason: 'DeadlineExceeded',
    })
    expect(decide(look({ status, engine: running({ keysCopied: 5 }), nowMs: NOW + patience + 1 })).status.halt).toBeUndefined()
  })

  it('a shard that does not answer is waited for', () => {
    const decided = decide(look({ status: midway(), engine: { kind: 'unreachable', message: 'shard b is unavailable' } }))
    expect([decided.status.phase, decided.status.halt, kinds(decided)]).toEqual(['Copying', undefined, []])
    expect(decided.status.message).toContain('shard b is unavailable')
    expect(condition(decided, 'Reversible')).toBe('Unknown/BackendUnreachable')
  })

  it('a lease that another holds is waited for, and nothing is done', () => {
    expect(kinds(decide(look({ status: midway(), engine: { kind: 'lease-elsewhere', message: 'held by x' } })))).toEqual([])
  })

  it('rows that contradict each other stop everything, and say so', () => {
    const decided = decide(
      look({ status: midway(), engine: running({ blocked: { reason: 'StateContradiction', message: 'slot 7: both own it' } }) }),
    )
    expect(condition(decided, 'Stalled')).toBe('True/ShardRefused')
    expect(decided.status.message).toContain('both own it')
  })
})

describe('writers that are too fast', () => {
  it('are slowed down, more with each measurement up to the bound, and let go again', () => {
    const slow = running({ phase: 'DualWrite', slowSlots: [1, 2] })
    let status = midway()
    const delays: number[] = []
    for (let i = 0; i < 14; i++) {
      status = decide(look({ status, engine: slow, measurement: measured('Pass') })).status
      delays.push(status.fleetConfig?.slowdownMs ?? 0)
    }
    expect(delays.slice(0, 3)).toEqual([25, 50, 75])
    expect(delays.at(-1)).toBe(250)
    expect(decide(look({ status, engine: running({ phase: 'DualWrite' }) })).status.fleetConfig).toMatchObject({
      slowdownMs: 0,
      revision: union,
    })
  })

  it('the copy is paced by the fleet p95 against its gate', () => {
    expect(decide(look({ status: midway(), engine: running(), measurement: measured('Pass') })).actions).toContainEqual({
      kind: 'throttle',
      p95Ms: 12,
      limitMs: 200,
    })
  })
})

describe('verbs', () => {
  const engineOf: Record<Phase, EngineObservation> = {
    Pending: { kind: 'not-needed' },
    Planning: unstarted,
    Copying: running(),
    Verifying: running({ phase: 'Verifying' }),
    DualWrite: running({ phase: 'DualWrite' }),
    Cutover: running({ phase: 'Cutover', slotsAtTarget: 10 }),
    Cleanup: running({ phase: 'Cleanup', pastNoReturn: true }),
    Completed: { kind: 'not-needed' },
    Failed: { kind: 'not-needed' },
    RollingBack: running({ phase: 'RollingBack', milestone: undefined }),
  }
  const statusOf = (phase: Phase): ShardMigrationStatus => {
    const begun = phase !== 'Pending' && phase !== 'Planning'
    const status = midway({ phase })
    if (!begun) return { ...status, migrationId: undefined, target: { upTo: 'planned', cutoverPercent: 0 } }
    if (phase === 'Cleanup' || phase === 'Completed') return { ...status, target: { upTo: 'cleaned', cutoverPercent: 100 } }
    const halted = phase === 'RollingBack' || phase === 'Failed'
    return halted
      ? { ...status, halt: { kind: 'Rollback', reason: 'GateFailed', message: 'x', at: '', reading: undefined } }
      : status
  }
  const allowed: Record<Verb, readonly Phase[]> = {
    approve: ['Planning', 'Pending'],
    abort: ['Pending', 'Planning', 'Copying', 'Verifying', 'DualWrite', 'Cutover'],
    pause: ['Pending', 'Planning', 'Copying', 'Verifying', 'DualWrite', 'Cutover', 'Cleanup'],
    resume: [],
    retry: ['Failed'],
  }
  const table = PHASES.flatMap((phase) => VERBS.map((verb) => [verb, phase, allowed[verb].includes(phase)] as const))

  it.each(table)('%s in %s: allowed %s', (verb, phase, isAllowed) => {
    const value = verb === 'approve' ? 'plan1' : 'now'
    const spec: ShardMigrationSpec = { ...base, approval: 'Manual' }
    const decided = decide(
      look({ spec, status: statusOf(phase), engine: engineOf[phase], annotations: { [annotationOf(verb)]: value } }),
    )
    expect(decided.status.verbs).toMatchObject([{ verb, value, accepted: isAllowed, pending: true }])
    expect(events(decided).includes('Warning VerbNotAllowed')).toBe(!isAllowed)
    expect(decided.actions).toContainEqual({ kind: 'consume', verb, value })
  })

  it('are taken once, though the annotation is seen again before it is gone', () => {
    const annotations = { [annotationOf('pause')]: 'now' }
    const paused = decide(look({ status: midway(), engine: running(), annotations }))
    expect(paused.status.paused).toBe(true)
    const seenAgain = decide(look({ status: paused.status, engine: running(), annotations }))
    expect(events(seenAgain)).toEqual([])
    const gone = decide(look({ status: seenAgain.status, engine: running() }))
    expect(gone.status.verbs).toMatchObject([{ pending: false }])
    const anew = decide(look({ status: { ...gone.status, paused: false }, engine: running(), annotations }))
    expect(anew.status.paused).toBe(true)
  })

  it('pause holds everything but the change log, measures on, and resume goes on', () => {
    const paused = decide(look({ status: midway(), engine: running(), annotations: { [annotationOf('pause')]: '1' } }))
    expect(work(paused)).toEqual([{ kind: 'pause' }])
    expect(condition(paused, 'Paused')).toBe('True/Paused')
    const later = decide(look({ status: paused.status, engine: running(), measurement: measured('Pass'), nowMs: NOW + 1e7 }))
    expect([later.status.halt, later.status.gates.length]).toEqual([undefined, 1])
    const resumed = decide(
      look({ status: later.status, engine: running(), annotations: { [annotationOf('resume')]: '1' }, nowMs: NOW + 1e7 }),
    )
    expect(work(resumed)).toEqual([{ kind: 'run', upTo: 'soaked', cutoverPercent: 0 }])
  })

  it('abort before anything moved changes nothing', () => {
    const decided = decide(look({ status: decide(look()).status, annotations: { [annotationOf('abort')]: '1' } }))
    expect(decided.status).toMatchObject({ phase: 'Failed', halt: { reason: 'AbortRequested' } })
    expect(work(decided)).toEqual([])
  })
})

describe('deleting the object', () => {
  const deleted = (policy: ShardMigrationSpec['deletionPolicy'], over: Partial<Observed> = {}) =>
    decide(
      look({ spec: { ...base, deletionPolicy: policy }, deletionRequested: true, status: midway(), engine: running(), ...over }),
    )

  it('Abort undoes first, and lets it go when that has succeeded', () => {
    const aborting = deleted('Abort')
    expect(work(aborting)).toEqual([{ kind: 'rollback' }])
    expect(kinds(aborting)).not.toContain('forget')
    const undone = deleted('Abort', { status: aborting.status, engine: running({ phase: 'RolledBack', outcome: 'rolled-back' }) })
    expect(kinds(undone)).not.toContain('forget')
    const gone = deleted('Abort', { status: undone.status, engine: { kind: 'not-needed' }, pods: pods(sources) })
    expect(kinds(gone)).toContain('forget')
  })

  it('Finish goes on to the end, paused or frozen', () => {
    const halt = { kind: 'Freeze', reason: 'GateFailed', message: 'x', at: '', reading: undefined } as const
    expect(work(deleted('Finish', { status: midway({ paused: true, halt }) }))).toEqual([
      { kind: 'run', upTo: 'soaked', cutoverPercent: 0 },
    ])
  })

  it('Orphan leaves the shards as they are', () => {
    expect(kinds(deleted('Orphan'))).toEqual(['event', 'release', 'forget'])
  })

  it('after the point of no return, Abort finishes', () => {
    const status = midway({ phase: 'Cleanup', target: { upTo: 'cleaned', cutoverPercent: 100 } })
    expect(work(deleted('Abort', { status, engine: running({ phase: 'Cleanup', pastNoReturn: true }) }))).toEqual([
      { kind: 'run', upTo: 'cleaned', cutoverPercent: 100 },
    ])
  })

  it('of something that never began is immediate', () => {
    expect(kinds(deleted('Abort', { status: undefined, engine: unstarted }))).toContain('forget')
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
