import { describe, expect, it } from 'vitest'
import { annotationOf, VERBS, type Verb } from '../../api/group.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import { PHASES, type Phase, type ShardMigrationStatus } from '../../api/status.ts'
import { decide } from './decide.ts'
import type { EngineObservation, Observed } from './observed.ts'
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
  unstarted,
  work,
} from './observed-fixtures.ts'

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

  it.each(['Abort', 'Finish'] as const)('%s does not wait for a fleet that is gone, and says what stays', (policy) => {
    const decided = deleted(policy, {
      fleetExists: false,
      engine: { kind: 'no-fleet', reason: 'FleetNotFound', message: 'gone' },
    })
    expect(kinds(decided)).toEqual(['event', 'release', 'forget'])
    expect(events(decided)).toEqual(['Warning Deleted'])
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
