import { decodeRecord, encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, SLOT_COUNT, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { describe, expect, it } from 'vitest'
import type { AnswerLine } from '../agents/journal.ts'
import { type Evidence, entryName } from './evidence.ts'
import { type FindingKind, judge } from './judge.ts'

const CONTENT = ['a'.repeat(32), 'b'.repeat(32)] as const

/** A run in which all went well: 30 keys, each submitted with two contents to two pods, two shards that own half the slots each. */
function soundRun() {
  const owned = [new Set<number>(), new Set<number>()] as const
  for (let slot = 0; slot < SLOT_COUNT; slot++) owned[slot % 2 === 0 ? 0 : 1].add(slot)
  const shards = owned.map((slots, i) => ({
    name: `shard-${i}`,
    owned: slots,
    records: new Map<string, Buffer>(),
    counts: new Map<number, number>(),
    expireEarly: 0,
    expireLate: 0,
  }))
  const logs = ['pod-1', 'pod-2'].map((pod) => ({
    pod,
    won: [] as Evidence['logs'][number]['won'][number][],
    entries: new Set<string>(),
    unsettled: 0,
  }))
  const submitted = new Map<string, { tenant: string; pcsId: string; contents: Set<string> }>()
  const answers: AnswerLine[] = []
  for (let n = 0; n < 30; n++) {
    const key = dedupKey('acme', `pcs-${n}`).toString('hex')
    const slot = slotOfKey(Buffer.from(key, 'hex'))
    submitted.set(key, { tenant: 'acme', pcsId: `pcs-${n}`, contents: new Set(CONTENT) })
    const origin = { pod: 'pod-1', segment: 1, offset: n * 1000 }
    const record = encodeRecord({
      verdict: 'accepted',
      reason: '',
      recomputedDHat: 1.25,
      recomputedBudget: 0.5,
      contentHash: Buffer.from(CONTENT[0], 'hex'),
      origin,
      decidedAtMs: 1,
      expiresAtMs: 2,
    })
    const shard = shards[slot % 2] as (typeof shards)[number]
    shard.records.set(key, record)
    shard.counts.set(slot, (shard.counts.get(slot) ?? 0) + 1)
    logs[0]?.won.push({ key, content: '', segment: 1, offset: origin.offset, record: undefined })
    for (const [i, content] of CONTENT.entries()) {
      logs[i]?.entries.add(entryName(key, content))
      answers.push({
        t: 'answer',
        key,
        pod: `pod-${i + 1}`,
        content,
        accepted: true,
        escalated: false,
        dHat: 1.25,
        budget: 0.5,
        reason: '',
      })
    }
  }
  const holder = (key: string) => shards.find(({ records }) => records.has(key)) as (typeof shards)[number]
  return { submitted, answers, refused: [] as Evidence['refused'][number][], shards, logs, keys: [...submitted.keys()], holder }
}

type Run = ReturnType<typeof soundRun>
const kindsOf = (run: Evidence, settled = true) => [...new Set(judge(run, { settled }).findings.map(({ kind }) => kind))]

function changed(run: Run, key: string, change: Partial<Parameters<typeof encodeRecord>[0]>): Buffer {
  return encodeRecord({ ...decodeRecord(run.holder(key).records.get(key) as Buffer), ...change })
}

it('finds nothing in a sound run, and says how much it checked', () => {
  const { checked, findings } = judge(soundRun(), { settled: true })
  expect(findings).toEqual([])
  expect(checked).toMatchObject({
    acknowledgedKeys: 30,
    answers: 60,
    equivocatedKeys: 30,
    slots: SLOT_COUNT,
    records: 30,
    effects: 30,
    logEntries: 60,
  })
})

describe('finds each thing that can go wrong', () => {
  const mutations: [string, FindingKind, (run: Run, key: string) => void][] = [
    ['a lost record', 'lost', (run, key) => run.holder(key).records.delete(key)],
    [
      'a second copy at another owner',
      'two-owners-hold-it',
      (run, key) => {
        const slot = slotOfKey(Buffer.from(key, 'hex'))
        for (const shard of run.shards) {
          shard.owned.add(slot)
          shard.records.set(key, run.holder(key).records.get(key) as Buffer)
        }
      },
    ],
    [
      'a copy left behind at a shard that does not own it',
      'orphan',
      (run, key) => {
        const record = run.holder(key).records.get(key) as Buffer
        for (const shard of run.shards) shard.records.set(key, record)
      },
    ],
    [
      'a copy that differs',
      'copies-differ',
      (run, key) => {
        const other = changed(run, key, { recomputedBudget: 0.25 })
        const holder = run.holder(key)
        for (const shard of run.shards) if (shard !== holder) shard.records.set(key, other)
      },
    ],
    [
      'a record only where its slot is not owned',
      'lost',
      (run, key) => {
        const holder = run.holder(key)
        const record = holder.records.get(key) as Buffer
        holder.records.delete(key)
        for (const shard of run.shards) if (shard !== holder) shard.records.set(key, record)
      },
    ],
    ['a record that nobody sent', 'stray-records', (run) => run.shards[0]?.counts.set(0, 1 + (run.shards[0].counts.get(0) ?? 0))],
    ['a record that the server drops too soon', 'expiry', (run) => Object.assign(run.shards[0] as object, { expireEarly: 1 })],
    ['a record that the server keeps too long', 'expiry', (run) => Object.assign(run.shards[0] as object, { expireLate: 1 })],
    ['bytes that are no record', 'unreadable-record', (run, key) => run.holder(key).records.set(key, Buffer.from('rubbish'))],
    [
      'an answer unlike the others',
      'answers-contradict',
      (run) => run.answers.splice(3, 1, { ...(run.answers[3] as AnswerLine), budget: 0.51 }),
    ],
    [
      'an answer that is under review where the others are not',
      'answers-contradict',
      (run) => run.answers.splice(3, 1, { ...(run.answers[3] as AnswerLine), escalated: true }),
    ],
    [
      'answers that agree with each other and not with the record',
      'answer-contradicts-record',
      (run, key) => run.holder(key).records.set(key, changed(run, key, { recomputedDHat: 1.3 })),
    ],
    [
      'a record about what nobody sent',
      'unknown-content',
      (run, key) => run.holder(key).records.set(key, changed(run, key, { contentHash: Buffer.alloc(16, 7) })),
    ],
    ['effects that never ran', 'effects', (run) => run.logs[0]?.won.splice(4, 1)],
    [
      'effects that ran at two pods',
      'effects',
      (run, key) => run.logs[1]?.won.push({ key, content: '', segment: 1, offset: 9, record: undefined }),
    ],
    [
      'effects of another entry than the record names',
      'origin',
      (run) => run.logs[0]?.won.splice(0, 1, { ...(run.logs[0].won[0] as (typeof run.logs)[0]['won'][0]), offset: 77 }),
    ],
    [
      'an acknowledgement that is not in the log',
      'not-in-log',
      (run, key) => run.logs[1]?.entries.delete(entryName(key, CONTENT[1])),
    ],
    ['a pod whose log is missing', 'no-evidence', (run) => run.logs.pop()],
    ['entries that were never settled', 'unsettled', (run) => Object.assign(run.logs[1] as object, { unsettled: 2 })],
    ['a slot with no owner', 'slot-owners', (run) => run.shards[0]?.owned.delete(2)],
    ['a slot with two owners', 'slot-owners', (run) => run.shards[0]?.owned.add(1)],
    [
      'a refusal of a sound summary',
      'refused',
      (run, key) => run.refused.push({ t: 'refused', key, pod: 'pod-1', message: 'signature' }),
    ],
  ]
  it.each(mutations)('%s: %s', (_name, kind, mutate) => {
    const run = soundRun()
    mutate(run, run.keys[0] as string)
    expect(kindsOf(run)).toContain(kind)
  })
})

it('takes copies at a target that does not own them yet for work in progress while the change is not over', () => {
  const run = soundRun()
  const key = run.keys[0] as string
  const record = run.holder(key).records.get(key) as Buffer
  for (const shard of run.shards) shard.records.set(key, record)
  expect(kindsOf(run, false)).toEqual([])
})

it('judges an embedded store by the records in the log', () => {
  const run = soundRun()
  const records = new Map(run.shards.flatMap(({ records }) => [...records]))
  const logs = run.logs.map((log) => ({ ...log, won: log.won.map((won) => ({ ...won, record: records.get(won.key) })) }))
  expect(kindsOf({ ...run, logs, shards: [] })).toEqual([])
  const lost = logs.map((log) => ({ ...log, won: log.won.slice(1) }))
  expect(kindsOf({ ...run, logs: lost, shards: [] })).toContain('lost')
})

describe('answers that came through a balancer', () => {
  const through = (run: ReturnType<typeof soundRun>) => ({
    ...run,
    answers: run.answers.map((answer) => ({ ...answer, pod: 'service' })),
  })
  const judged = (run: ReturnType<typeof soundRun>) =>
    judge(through(run), { settled: true, balancers: ['service'] }).findings.map(({ kind }) => kind)

  it('may be in the log of any pod', () => {
    expect(judged(soundRun())).toEqual([])
    expect(kindsOf(through(soundRun()))).toEqual(['no-evidence'])
  })

  it('are missed where no log has them', () => {
    const run = soundRun()
    for (const log of run.logs) log.entries.delete(entryName(run.keys[0] as string, CONTENT[1]))
    expect(judged(run)).toContain('not-in-log')
  })
})

it('never vouches for nothing', () => {
  expect(kindsOf({ submitted: new Map(), answers: [], refused: [], shards: [], logs: [] })).toEqual(['no-evidence'])
})
