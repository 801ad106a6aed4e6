import { describe, expect, it } from 'vitest'
import * as D from './defaults.ts'
import { CRR_POLICY_KIND, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from './group.ts'
import { ACCEPTED, BAD, changed, GOOD } from './testing/specs.ts'
import { problemsText, type Validated, validateCrrPolicy, validateSpec, validateTieringPolicy } from './validate.ts'

const valid = {
  sourceShards: ['redis://a:6379'],
  targetShards: ['redis://a:6379', 'redis://b:6379'],
  dedupBackend: 'redis',
}

const textOf = (spec: unknown): string => {
  const validated = validateSpec(spec)
  return validated.ok ? 'accepted' : problemsText(validated.problems)
}

describe('a ShardMigration spec', () => {
  it('needs the shards and their kind only, and fills in the documented defaults', () => {
    const validated = validateSpec(valid)
    expect(validated).toMatchObject({
      ok: true,
      spec: {
        batchSize: 1000,
        throttleQPS: 1000,
        healthGates: { maxLatencyP95: 200, maxErrorRate: 1, minDedupHitRatio: 40 },
        autoRollback: true,
        approval: 'Auto',
        onGateFailure: 'Rollback',
        gates: { onNoData: 'Hold', failures: D.DEFAULT_GATE_FAILURES, of: D.DEFAULT_GATE_OF },
        steps: [1, 10, 50, 100],
        deletionPolicy: 'Abort',
        dryRun: false,
        paused: false,
        vnodes: D.DEFAULT_VNODES,
      },
    })
  })

  it('accepts the floats that existing manifests hold', () => {
    expect(
      textOf({
        ...valid,
        healthGates: { maxLatencyP95: 200.5, maxErrorRate: 1.0, minDedupHitRatio: 40.25 },
        autoRollback: false,
      }),
    ).toBe('accepted')
  })

  it('takes autoRollback false as a freeze, and onGateFailure over it', () => {
    expect(validateSpec({ ...valid, autoRollback: false })).toMatchObject({ spec: { onGateFailure: 'Freeze' } })
    expect(validateSpec({ ...valid, autoRollback: false, onGateFailure: 'Rollback' })).toMatchObject({
      spec: { onGateFailure: 'Rollback' },
    })
  })

  it.each([
    [
      'a gate that does not exist',
      { ...valid, healthGates: { maxCpu: 3 } },
      'spec.healthGates.maxCpu: there is no gate "maxCpu"; the gates are maxLatencyP95, maxErrorRate, minDedupHitRatio',
    ],
    ['a misspelt field', { ...valid, batchsize: 5 }, 'spec.batchsize: there is no such field; did you mean "batchSize"?'],
    ['an unknown field', { ...valid, replicas: 5 }, 'spec.replicas: there is no such field; remove it'],
    ['a missing list', { sourceShards: valid.sourceShards, dedupBackend: 'redis' }, 'spec.targetShards: is required; add it'],
    ['a text for a number', { ...valid, batchSize: '1000' }, 'spec.batchSize: must be an integer, not "1000"'],
    ['a number out of range', { ...valid, batchSize: 0 }, 'spec.batchSize: must be >= 1, not 0'],
    [
      'a limit below zero',
      { ...valid, healthGates: { maxErrorRate: -1 } },
      'spec.healthGates.maxErrorRate: must be >= 0, not -1',
    ],
    ['another store', { ...valid, dedupBackend: 'memory' }, 'spec.dedupBackend: must be one of redis, postgres, not "memory"'],
    ['no map at all', undefined, 'spec: must be a map, not undefined'],
    [
      'an address that is none',
      { ...valid, targetShards: ['b:6379'] },
      'spec.targetShards: shard addresses start with redis:// or postgres://, not b://',
    ],
    [
      'a shard named twice',
      { ...valid, targetShards: ['redis://a', 'redis://a:6379/'] },
      'spec.targetShards: shard a:6379 is listed twice',
    ],
    [
      'shards of another kind',
      { ...valid, dedupBackend: 'postgres' },
      'spec.sourceShards: are redis addresses, but spec.dedupBackend is postgres; spec.targetShards: are redis addresses, but spec.dedupBackend is postgres',
    ],
    [
      'nothing to move',
      { ...valid, targetShards: ['redis://a:6379'] },
      'spec.targetShards: are the source shards; name the shards that shall own the slots afterwards',
    ],
    [
      'a gate that cannot fail',
      { ...valid, gates: { failures: 4, of: 3 } },
      'spec.gates.failures: must be at most gates.of (3), else the gate can never fail',
    ],
    [
      'gaps between measurements',
      { ...valid, gates: { windowSeconds: 1, intervalSeconds: 5 } },
      'spec.gates.intervalSeconds: must be at most gates.windowSeconds (1), else traffic between two measurements is never looked at',
    ],
    ['steps that do not end', { ...valid, steps: [1, 50] }, 'spec.steps: must end at 100, not 50'],
    ['steps that fall', { ...valid, steps: [50, 10, 100] }, 'spec.steps: must rise from step to step'],
  ])('refuses %s and says what to do', (_what, spec: unknown, message) => {
    expect(textOf(spec)).toBe(message)
  })

  it('never repeats a password', () => {
    expect(textOf({ ...valid, dedupBackend: 'redis', batchSize: 'redis://:secret@host' })).not.toContain('secret')
    expect(textOf({ ...valid, targetShards: ['mysql://u:secret@host/x'] })).not.toContain('secret')
  })
})

/** The API server is held against the same table where there is one (`crd/crds.apiserver.test.ts`). */
describe('without an API server', () => {
  const validate: Readonly<Record<string, (spec: unknown) => Validated<unknown>>> = {
    [SHARD_MIGRATION_KIND]: (spec) => validateSpec(spec, { credentials: 'refused' }),
    [CRR_POLICY_KIND]: validateCrrPolicy,
    [TIERING_POLICY_KIND]: validateTieringPolicy,
  }

  it.each(BAD.filter(({ update }) => !update))('a $kind with $what is refused too, with its field', ({ kind, change, says }) => {
    const validated = validate[kind]?.(changed(GOOD[kind] ?? {}, change))
    expect(validated).toMatchObject({ ok: false })
    if (validated?.ok === false) expect(problemsText(validated.problems)).toContain(says[0]?.split('[')[0])
  })

  it.each(ACCEPTED)('a $kind with $what is accepted', ({ kind, spec }) => {
    expect(validate[kind]?.(spec)).toMatchObject({ ok: true })
  })

  it('a folder may hold passwords, which no cluster may', () => {
    const spec = { ...valid, targetShards: ['redis://:secret@b:6379'] }
    expect(validateSpec(spec)).toMatchObject({ ok: true })
    expect(validateSpec(spec, { credentials: 'refused' })).toMatchObject({ ok: false })
  })
})
