import { describe, expect, it } from 'vitest'
import { decide } from '../controllers/shardmigration/decide.ts'
import { look, measured, midway, running } from '../controllers/shardmigration/observed-fixtures.ts'
import { nextConditions } from './conditions.ts'
import { kstatusOf } from './testing/kstatus.ts'
import { statusFixtures } from './testing/statuses.ts'

describe('conditions', () => {
  it.each(statusFixtures())('of $name read as $kstatus to kstatus', ({ status, kstatus }) => {
    expect(kstatusOf(1, status)).toBe(kstatus)
  })

  it('read as InProgress after any change of the spec, until it was looked at', () => {
    for (const { status } of statusFixtures()) expect(kstatusOf(2, status)).toBe('InProgress')
    expect(kstatusOf(1, undefined)).toBe('InProgress')
  })

  it('are never stalled and reconciling at once, and ready only when neither', () => {
    for (const { name, status } of statusFixtures()) {
      const on = status.conditions.filter(({ status }) => status === 'True').map(({ type }) => type as string)
      expect(['Ready', 'Reconciling', 'Stalled'].filter((type) => on.includes(type)).length, name).toBe(1)
    }
  })

  it('carry the generation that they are about', () => {
    for (const { status } of statusFixtures())
      expect(new Set(status.conditions.map(({ observedGeneration }) => observedGeneration))).toEqual(new Set([1]))
  })

  it.each([
    ['at the beginning', look(), 'InProgress'],
    ['in the middle', look({ status: midway(), engine: running(), measurement: measured('Pass') }), 'InProgress'],
    ['with a spec that cannot be used', look({ spec: undefined, problems: [{ field: 'spec.steps', message: 'm' }] }), 'Failed'],
    [
      'once frozen',
      look({
        status: midway({
          halt: { kind: 'Freeze', reason: 'GateFailed', message: 'm', at: '2026-01-01T00:00:00Z', reading: undefined },
        }),
        engine: running(),
        measurement: measured('Pass'),
      }),
      'Failed',
    ],
    [
      'once failed',
      look({
        status: midway({
          phase: 'Failed',
          halt: { kind: 'Rollback', reason: 'GateFailed', message: 'm', at: '2026-01-01T00:00:00Z', reading: undefined },
        }),
        engine: { kind: 'not-needed' },
      }),
      'Failed',
    ],
    ['once completed', look({ status: midway({ phase: 'Completed' }), engine: { kind: 'not-needed' } }), 'Current'],
  ] as const)('of a migration %s are what the controller decides them to be', (_when, observed, expected) => {
    expect(kstatusOf(1, decide(observed).status)).toBe(expected)
  })

  it('keep the time of their last transition while their status stays', () => {
    const first = nextConditions([], { Ready: { status: 'False', reason: 'Copying' } }, 1, 0)
    const second = nextConditions(first, { Ready: { status: 'False', reason: 'Verifying' } }, 2, 5000)
    expect(second[0]).toMatchObject({
      reason: 'Verifying',
      observedGeneration: 2,
      lastTransitionTime: '1970-01-01T00:00:00.000Z',
    })
    const third = nextConditions(second, { Ready: { status: 'True', reason: 'MigrationComplete' } }, 2, 5000)
    expect(third[0]?.lastTransitionTime).toBe('1970-01-01T00:00:05.000Z')
  })
})
