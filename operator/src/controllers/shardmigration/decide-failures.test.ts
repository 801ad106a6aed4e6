import { describe, expect, it } from 'vitest'
import { annotationOf } from '../../api/group.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import { decide } from './decide.ts'
import type { EngineObservation } from './observed.ts'
import {
  base,
  condition,
  events,
  kinds,
  look,
  measured,
  midway,
  NOW,
  pods,
  running,
  sources,
  union,
  work,
} from './observed-fixtures.ts'

describe('a gate that fails', () => {
  const failing = midway({
    phase: 'Cutover',
    target: { upTo: 'cut-over', cutoverPercent: 10 },
    gateTracks: [{ metric: 'maxErrorRate', subject: undefined, recent: ['Fail'], notPassingSinceMs: NOW }],
  })
  const engine = running({ phase: 'Cutover', milestone: 'soaked', slotsAtTarget: 10 })

  it('rolls back, keeps the reading that caused it, and tells', () => {
    const decided = decide(look({ status: failing, engine, measurement: measured('Fail') }))
    expect(decided.status).toMatchObject({
      phase: 'RollingBack',
      halt: { kind: 'Rollback', reason: 'GateFailed', reading: { verdict: 'Fail', value: 1, threshold: 1 } },
    })
    expect(events(decided)).toEqual(['Warning GateFailed', 'Warning RollingBack'])
    // The reason is given once, and named as the cause of what follows from it.
    const cause = decided.status.halt?.message
    expect(decided.status.decisions.at(-2)?.message).toBe(cause)
    expect(decided.status.decisions.at(-1)?.message).toBe(
      `The migration is being undone; every write made since is kept. Cause: ${cause}`,
    )
    expect(work(decided)).toEqual([{ kind: 'rollback' }])
    expect(condition(decided, 'GatePassed')).toBe('False/GateFailed')
  })

  it('is a decision to go back even while a shard does not answer, and is carried out once it does', () => {
    const away = { kind: 'unreachable', message: 'shard b is unavailable' } as const
    const decided = decide(look({ status: failing, engine: away, measurement: measured('Fail') }))
    expect(decided.status.halt).toMatchObject({ kind: 'Rollback', reason: 'GateFailed' })
    expect(work(decided)).toEqual([])
    expect(work(decide(look({ status: decided.status, engine })))).toEqual([{ kind: 'rollback' }])
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
    expect(condition(ended, 'Ready')).toBe('False/RolledBack')
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

  it('a fleet that is not there is said to be missing, and nothing is done', () => {
    const engine = { kind: 'no-fleet', reason: 'FleetNotFound', message: 'namespace a has no fleet' } as const
    const decided = decide(look({ status: midway(), engine }))
    expect([decided.status.phase, kinds(decided), condition(decided, 'Stalled')]).toEqual(['Copying', [], 'True/FleetNotFound'])
    expect(decided.status.message).toContain('namespace a has no fleet')
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

describe('a status that was lost', () => {
  it('is made anew from what the shards say, and the migration goes on', () => {
    const decided = decide(look({ engine: running({ phase: 'Cutover', milestone: 'soaked', slotsAtTarget: 10 }) }))
    expect(decided.status).toMatchObject({ phase: 'Cutover', migrationId: 'm-00000000-1', target: { upTo: 'soaked' } })
    expect(work(decided)).toEqual([{ kind: 'run', upTo: 'soaked', cutoverPercent: 0 }])
  })

  it('does not undo what cannot be undone', () => {
    const cleaning = running({ phase: 'Cleanup', milestone: 'certified', pastNoReturn: true, slotsAtTarget: 100 })
    expect(work(decide(look({ engine: cleaning })))).toEqual([{ kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }])
    const refused = running({ phase: 'Cleanup', blocked: { reason: 'PastNoReturn', message: 'too late' } })
    const halt = { kind: 'Abort', reason: 'AbortRequested', message: '', at: '', reading: undefined } as const
    expect(decide(look({ status: midway({ halt }), engine: refused })).status).toMatchObject({
      halt: undefined,
      target: { upTo: 'cleaned' },
    })
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
