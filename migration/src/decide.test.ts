import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { MigrationId, ShardDescription, ShardId, SlotRow } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { type Action, decide, type Intent, slotsFor } from './decide.ts'
import { encodeDocument, type MigrationDocument } from './document.ts'
import { viewOf } from './observe.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

const M = 'm' as MigrationId
const SOURCE = 'a:1' as ShardId
const TARGET = 'b:1' as ShardId
const NOW = 1_000_000
const slot = (value: number) => value as SlotId
const generation = (value: number) => value as Generation

const DOCUMENT: MigrationDocument = {
  version: 1,
  id: M,
  revision: 1,
  planHash: 'p',
  from: [SOURCE],
  to: [SOURCE, TARGET],
  vnodes: 150,
  moves: [{ source: SOURCE, target: TARGET, slots: [slot(1)] }],
  totalKeys: 10,
  totalBytes: 100,
  createdAtMs: 0,
  direction: 'forward',
  copiedAtMs: 1,
  verifiedAtMs: 2,
  soakedAtMs: 3,
  steps: [],
  cutOverAtMs: undefined,
  proofs: '',
  repaired: 0,
  certificate: undefined,
  cleanupAtMs: undefined,
  outcome: undefined,
  endedAtMs: undefined,
}

const owned = (captureTo?: ShardId, of = 1): SlotRow => ({
  slot: slot(1),
  role: 'owned',
  generation: generation(of),
  capture: captureTo && { to: captureTo, migration: M },
})
const captured = (migration: MigrationId): SlotRow => ({
  slot: slot(1),
  role: 'owned',
  generation: generation(1),
  capture: { to: TARGET, migration },
})
const importing = (copy: 'pending' | 'copied' | 'verified'): SlotRow => ({
  slot: slot(1),
  role: 'importing',
  migration: M,
  from: SOURCE,
  copy,
})
const released = (to: ShardId, migration: MigrationId | undefined, of = 2): SlotRow => ({
  slot: slot(1),
  role: 'released',
  generation: generation(of),
  to,
  migration,
})

interface Situation {
  readonly source?: SlotRow | undefined
  readonly target?: SlotRow | undefined
  readonly document?: Partial<MigrationDocument> | 'none'
  readonly backlog?: { keys: number; lagMs: number }
  readonly behindSinceMs?: number
}

function decided(intent: Intent, situation: Situation) {
  const document = situation.document === 'none' ? undefined : { ...DOCUMENT, ...situation.document }
  const describe = (id: ShardId, row: SlotRow | undefined): ShardDescription => ({
    id,
    fleet: { id: 'f', initialOwners: [SOURCE], ready: true },
    epoch: 1,
    lease: undefined,
    fence: 1,
    slots: row ? [row] : [],
    migrations: new Map(document ? [[M, encodeDocument(document)]] : []),
    replicas: 0,
    warnings: [],
  })
  const view = viewOf(
    [describe(SOURCE, situation.source), describe(TARGET, situation.target)],
    [situation.backlog ?? { keys: 0, lagMs: 0 }],
    M,
  )
  return decide({ view, intent, settings: DEFAULT_SETTINGS, nowMs: NOW, behindSinceMs: situation.behindSinceMs })
}

const FORWARD: Intent = { kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }
const BACK: Intent = { kind: 'rollback' }
const kinds = (actions: readonly Action[]) => actions.map(({ kind }) => kind)

describe('a slot', () => {
  const cases: readonly (readonly [string, Intent, Situation, readonly string[]])[] = [
    ['without a plan gets one', FORWARD, { document: 'none', source: owned() }, ['begin']],
    ['that nobody touched is prepared', FORWARD, { source: owned() }, ['prepare']],
    ['whose target takes imports gets capture', FORWARD, { source: owned(), target: importing('pending') }, ['prepare']],
    [
      'that is captured is copied, and followed meanwhile',
      FORWARD,
      { source: owned(TARGET), target: importing('pending') },
      ['copy', 'follow'],
    ],
    [
      'that is copied is compared, and nobody else writes to its target',
      FORWARD,
      { source: owned(TARGET), target: importing('copied') },
      ['verify'],
    ],
    ['that is verified is switched', FORWARD, { source: owned(TARGET), target: importing('verified') }, ['switch']],
    [
      'that nobody owns is settled before all else',
      FORWARD,
      { source: released(TARGET, M), target: importing('verified') },
      ['switch'],
    ],
    [
      'that is cut over is certified after its soak',
      FORWARD,
      { source: released(TARGET, M), target: owned(SOURCE, 2), document: { cutOverAtMs: 5 } },
      ['certify'],
    ],
    [
      'that is certified passes the point of no return in writing first',
      FORWARD,
      {
        source: released(TARGET, M),
        target: owned(SOURCE, 2),
        document: { cutOverAtMs: 5, certificate: { contentId: 'c', issuedAtMs: 6, slots: 1, keys: 1 } },
      },
      ['record'],
    ],
    [
      'past it loses its reverse capture',
      FORWARD,
      {
        source: released(TARGET, M),
        target: owned(SOURCE, 2),
        document: { cutOverAtMs: 5, cleanupAtMs: 7, certificate: { contentId: 'c', issuedAtMs: 6, slots: 1, keys: 1 } },
      },
      ['stop-capture'],
    ],
    [
      'without reverse capture is cleaned at its source',
      FORWARD,
      { source: released(TARGET, M), target: owned(undefined, 2), document: { cutOverAtMs: 5, cleanupAtMs: 7 } },
      ['discard'],
    ],
    [
      'that an earlier attempt left behind is cleared first',
      FORWARD,
      { source: owned(), target: importing('verified') },
      ['discard'],
    ],
    [
      'goes back only after every earlier call is fenced',
      BACK,
      { source: owned(TARGET), target: importing('verified') },
      ['turn'],
    ],
    [
      'that nobody owns goes back to its source',
      BACK,
      { source: released(TARGET, M), target: importing('verified'), document: { direction: 'back' } },
      ['take-back'],
    ],
    [
      'that is cut over is switched back',
      BACK,
      { source: released(TARGET, M), target: owned(SOURCE, 2), document: { direction: 'back' } },
      ['switch-back'],
    ],
    [
      'on its way back is settled',
      BACK,
      { source: released(TARGET, M), target: released(SOURCE, M, 3), document: { direction: 'back' } },
      ['switch-back'],
    ],
    [
      'that is back loses its capture before its copy is deleted',
      BACK,
      { source: owned(TARGET), target: importing('copied'), document: { direction: 'back' } },
      ['stop-capture'],
    ],
    [
      'that is back is deleted at the target',
      BACK,
      { source: owned(undefined, 3), target: released(SOURCE, M, 3), document: { direction: 'back' } },
      ['discard'],
    ],
    ['that is held is only kept in step', { kind: 'pause' }, { source: owned(TARGET), target: importing('pending') }, ['follow']],
    [
      'in flight is settled even when everything is held',
      { kind: 'pause' },
      { source: released(TARGET, M), target: importing('verified') },
      ['switch'],
    ],
  ]
  it.each(cases)('%s', (_what, intent, situation, expected) => {
    const { actions, blocked } = decided(intent, situation)
    expect({ actions: kinds(actions), blocked }).toEqual({ actions: expected, blocked: undefined })
  })
})

describe('a decision', () => {
  it('is to stop when the rows of a slot contradict each other', () => {
    for (const [source, target] of [
      [owned(), owned()],
      [undefined, importing('copied')],
      [released(TARGET, M), undefined],
      [released('c:1' as ShardId, undefined), undefined],
      [captured('other' as MigrationId), undefined],
    ] as const)
      expect(decided(FORWARD, { source, target })).toMatchObject({ actions: [], blocked: { reason: 'StateContradiction' } })
  })

  it('is to refuse the way back once it is closed', () => {
    const sealed = { source: released(TARGET, M), target: owned(undefined, 2) }
    expect(decided(BACK, sealed).blocked?.reason).toBe('PastNoReturn')
    expect(decided(BACK, { ...sealed, target: owned(SOURCE, 2), document: { cleanupAtMs: 7 } }).blocked?.reason).toBe(
      'PastNoReturn',
    )
  })

  it('is to wait while the lag is over its limit, then to slow the writers, then to say so', () => {
    const verified = { source: owned(TARGET), target: importing('verified'), backlog: { keys: 9, lagMs: 60_000 } }
    const at = (behindMs: number) => decided(FORWARD, { ...verified, behindSinceMs: NOW - behindMs })
    expect(at(1000)).toMatchObject({ slowWriters: false, blocked: undefined, reached: false })
    expect(at(DEFAULT_SETTINGS.convergeDeadlineMs / 3)).toMatchObject({ slowWriters: true, blocked: undefined })
    const late = at(DEFAULT_SETTINGS.convergeDeadlineMs)
    expect(late).toMatchObject({ slowWriters: true, blocked: { reason: 'NotConverging' } })
    expect(kinds(late.actions), 'it stays reversible while it holds').toEqual(['follow'])
  })

  it('slows the writers down and then says so, when writes come too fast for anything to be compared', () => {
    const copied = { source: owned(TARGET), target: importing('copied'), document: { verifiedAtMs: undefined } }
    const at = (lagMs: number, behindMs: number) =>
      decided(FORWARD, { ...copied, backlog: { keys: 9, lagMs }, behindSinceMs: NOW - behindMs })
    const { maxLagMs, convergeDeadlineMs } = DEFAULT_SETTINGS
    expect(at(60_000, 1000)).toMatchObject({ phase: 'Verifying', slowWriters: false, blocked: undefined })
    expect(at(60_000, convergeDeadlineMs / 3)).toMatchObject({ slowWriters: true, blocked: undefined })
    expect(at(60_000, convergeDeadlineMs)).toMatchObject({ slowWriters: true, blocked: { reason: 'NotConverging' } })
    expect(at(maxLagMs + 2000, convergeDeadlineMs), 'a comparison lets the log wait for a slice').toMatchObject({
      blocked: undefined,
      slowWriters: false,
    })
  })

  it('is to hold at the milestone that was asked for', () => {
    const copied = {
      source: owned(TARGET),
      target: importing('copied'),
      document: { verifiedAtMs: undefined, soakedAtMs: undefined },
    }
    expect(decided({ kind: 'run', upTo: 'copied', cutoverPercent: 0 }, copied)).toMatchObject({
      reached: true,
      phase: 'Verifying',
    })
    expect(decided({ kind: 'run', upTo: 'verified', cutoverPercent: 0 }, copied)).toMatchObject({ reached: false })
  })

  it('rounds the slots of a step up, so that a canary is never empty', () => {
    expect([slotsFor(1, 40), slotsFor(10, 40), slotsFor(100, 40), slotsFor(0, 40)]).toEqual([1, 4, 40, 0])
  })
})
