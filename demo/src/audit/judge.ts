/**
 * The auditor's judgement, a pure function of the evidence. What must hold at the end of a run, whatever was killed meanwhile:
 *
 *   every slot has exactly one owner (I1); every acknowledged key has its record at that owner, and at no other (I4, nothing lost, nothing
 *   twice); all answers for a key say what the record says; the record is about a content that an agent did send, from a log entry
 *   that exists; effects ran exactly once (one won settlement over all logs); what was acknowledged is in the log of the pod that
 *   acknowledged it; and no shard holds records that none of this explains.
 *
 * Finding nothing to check is a finding: an auditor that was handed no evidence must not say that all is well.
 */

import { isAccepted, isEscalated } from '@fractal-lba/protocol/pcs/reason'
import { type DecisionRecord, decodeRecord } from '@fractal-lba/protocol/records/record'
import { SLOT_COUNT, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { AnswerLine } from '../agents/journal.ts'
import { type Evidence, entryName, type PodLog, type ShardEvidence, type WonEntry } from './evidence.ts'

export type FindingKind =
  | 'no-evidence'
  | 'slot-owners'
  | 'lost'
  | 'two-owners-hold-it'
  | 'copies-differ'
  | 'orphan'
  | 'stray-records'
  | 'expiry'
  | 'unreadable-record'
  | 'answer-contradicts-record'
  | 'answers-contradict'
  | 'unknown-content'
  | 'effects'
  | 'origin'
  | 'not-in-log'
  | 'unsettled'
  | 'refused'

export interface Finding {
  readonly kind: FindingKind
  /** A sentence with everything needed to look it up. */
  readonly what: string
  /** The key that it is about, where it is about one. */
  readonly key?: string
}

export interface Verdict {
  /** What was looked at, in the order of the sentences the report makes of it. */
  readonly checked: {
    readonly acknowledgedKeys: number
    readonly submittedKeys: number
    readonly answers: number
    readonly equivocatedKeys: number
    readonly slots: number
    readonly shards: number
    readonly records: number
    readonly logs: number
    readonly logEntries: number
    readonly effects: number
  }
  readonly findings: readonly Finding[]
}

export interface JudgeOptions {
  /** The change is over: copies left at shards that do not own them are findings, not work in progress. */
  readonly settled: boolean
  /** Names in the journals that stand for any of the pods: a Service that hides which of them answered. */
  readonly balancers?: readonly string[]
}

export function judge(evidence: Evidence, options: JudgeOptions): Verdict {
  const findings: Finding[] = []
  const find: Find = (kind, what, key) => findings.push({ kind, what, ...(key !== undefined && { key }) })
  const findAbout =
    (key: string): Find =>
    (kind, what) =>
      find(kind, what, key)
  const { submitted, answers, shards, logs } = evidence
  const answersOf = Map.groupBy(answers, (answer) => answer.key)
  const wonOf = Map.groupBy(
    logs.flatMap((log) => log.won.map((won) => ({ ...won, pod: log.pod }))),
    (won) => won.key,
  )
  const nameOf = (key: string) => {
    const known = submitted.get(key)
    return known ? `${known.tenant}/${known.pcsId.slice(0, 16)} (key ${key.slice(0, 16)})` : `key ${key.slice(0, 16)}`
  }

  if (answers.length === 0) find('no-evidence', 'no acknowledged answer was found in the journals: there is nothing to vouch for')
  if (logs.length === 0) find('no-evidence', 'no verifier log was found: whether effects happened once cannot be told')
  if (shards.length > 0) judgeOwnership(shards, find)

  const keys = new Set([...submitted.keys(), ...answersOf.keys(), ...wonOf.keys()])
  let records = 0
  const explained = new Map<string, number>()
  for (const key of keys) {
    const mine = answersOf.get(key) ?? []
    const won = wonOf.get(key) ?? []
    const held = shards.length > 0 ? heldAtShards(key) : heldInLog(won)
    if (held.length > 0) records++
    for (const { name } of held) explained.set(name, (explained.get(name) ?? 0) + 1)
    judgeKey(key, mine, won, held)
  }

  /** A key's records by shard, the owner's first. */
  function heldAtShards(key: string): Held[] {
    const slot = slotOfKey(Buffer.from(key, 'hex'))
    return shards
      .flatMap((shard) => {
        const record = shard.records.get(key)
        return record ? [{ name: shard.name, owner: shard.owned.has(slot), record }] : []
      })
      .sort((a, b) => Number(b.owner) - Number(a.owner))
  }

  function heldInLog(won: readonly WonEntry[]): Held[] {
    return won.flatMap(({ record }) => (record ? [{ name: 'the log', owner: true, record }] : []))
  }

  function judgeKey(
    key: string,
    mine: readonly AnswerLine[],
    won: readonly (WonEntry & { pod: string })[],
    held: readonly Held[],
  ): void {
    const find = findAbout(key)
    const owners = held.filter(({ owner }) => owner)
    const others = held.filter(({ owner }) => !owner)
    const kept = owners[0]
    if (owners.length > 1 && shards.length > 0)
      find(
        'two-owners-hold-it',
        `${nameOf(key)} has a record at ${owners.map(({ name }) => name).join(' and at ')}, both owners of its slot`,
      )
    if (!kept && mine.length + won.length > 0) {
      const claim =
        mine.length > 0 ? `was acknowledged ${mine.length} times (first by ${mine[0]?.pod})` : `was decided by ${won[0]?.pod}`
      const elsewhere =
        others.length > 0 ? `; ${others.map(({ name }) => name).join(', ')} has a copy but does not own its slot` : ''
      find('lost', `${nameOf(key)} ${claim}, but its owner has no record of it${elsewhere}`)
    }
    for (const other of held.slice(1)) {
      if (!other.record.equals(held[0]?.record as Buffer))
        find('copies-differ', `${nameOf(key)} has different records at ${held[0]?.name} and ${other.name}`)
    }
    if (options.settled)
      for (const { name } of others)
        find('orphan', `${nameOf(key)} has a copy at ${name}, which does not own its slot, after the change had ended`)

    judgeAnswers(key, mine)
    if (kept) judgeRecord(key, kept, mine, won)
    if (won.length !== 1 && (kept || mine.length > 0 || won.length > 1)) {
      const where = won.length > 0 ? `: ${won.map((w) => `${w.pod} at ${w.segment}:${w.offset}`).join(', ')}` : ''
      find('effects', `effects of ${nameOf(key)} ran ${won.length} times, not once${where}`)
    }
  }

  function judgeAnswers(key: string, mine: readonly AnswerLine[]): void {
    const find = findAbout(key)
    const first = mine[0]
    const odd = first && mine.find((answer) => said(answer) !== said(first))
    if (first && odd)
      find('answers-contradict', `${nameOf(key)} was answered "${said(first)}" by ${first.pod} and "${said(odd)}" by ${odd.pod}`)
  }

  function judgeRecord(key: string, kept: Held, mine: readonly AnswerLine[], won: readonly (WonEntry & { pod: string })[]): void {
    const find = findAbout(key)
    let record: DecisionRecord
    try {
      record = decodeRecord(kept.record)
    } catch (error) {
      find('unreadable-record', `the record of ${nameOf(key)} at ${kept.name} cannot be read: ${(error as Error).message}`)
      return
    }
    const recorded = saidBy(record)
    const odd = mine.find((answer) => said(answer) !== recorded)
    if (odd)
      find(
        'answer-contradicts-record',
        `${odd.pod} answered "${said(odd)}" for ${nameOf(key)}, but the record at ${kept.name} says "${recorded}"`,
      )
    const content = record.contentHash.toString('hex')
    const contents = submitted.get(key)?.contents
    if (!contents?.has(content))
      find(
        'unknown-content',
        `the record of ${nameOf(key)} at ${kept.name} is about content ${content}, which no agent sent for it`,
      )
    const { origin } = record
    if (
      won.length === 1 &&
      won[0] &&
      (won[0].pod !== origin.pod || won[0].segment !== origin.segment || won[0].offset !== origin.offset)
    ) {
      find(
        'origin',
        `the record of ${nameOf(key)} says ${origin.pod} ${origin.segment}:${origin.offset} decided it, but the effects ran for ${won[0].pod} ${won[0].segment}:${won[0].offset}`,
      )
    }
  }

  judgeLogs(logs, answers, options.balancers ?? [], nameOf, find)
  judgeCounts(shards, explained, options, find)
  for (const line of evidence.refused)
    find('refused', `${line.pod} refused the well-formed summary ${nameOf(line.key)}: ${line.message}`, line.key)

  return {
    checked: {
      acknowledgedKeys: answersOf.size,
      submittedKeys: submitted.size,
      answers: answers.length,
      equivocatedKeys: [...submitted.values()].filter(({ contents }) => contents.size > 1).length,
      slots: shards.length > 0 ? SLOT_COUNT : 0,
      shards: shards.length,
      records,
      logs: logs.length,
      logEntries: logs.reduce((sum, log) => sum + log.entries.size, 0),
      effects: [...wonOf.values()].reduce((sum, won) => sum + won.length, 0),
    },
    findings,
  }
}

interface Held {
  readonly name: string
  readonly owner: boolean
  readonly record: Buffer
}

type Find = (kind: FindingKind, what: string, key?: string) => void

/** A decision in one line: equal decisions read equal. Reals as JSON carries them, which is without loss. */
function said({ accepted, escalated, dHat, budget, reason }: Said): string {
  const outcome = accepted
    ? escalated
      ? 'accepted, under review'
      : 'accepted'
    : escalated
      ? 'not accepted, under review'
      : 'not accepted'
  return `${outcome}, D_hat ${dHat}, budget ${budget}${reason && `, ${reason}`}`
}

type Said = Pick<AnswerLine, 'accepted' | 'escalated' | 'dHat' | 'budget' | 'reason'>

function saidBy({ verdict, recomputedDHat, recomputedBudget, reason }: DecisionRecord): string {
  return said({
    accepted: isAccepted(verdict),
    escalated: isEscalated(verdict),
    dHat: recomputedDHat,
    budget: recomputedBudget,
    reason,
  })
}

function judgeOwnership(shards: readonly ShardEvidence[], find: Find): void {
  const wrong = new Map<string, number[]>()
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owners = shards.filter(({ owned }) => owned.has(slot))
    if (owners.length === 1) continue
    const who = owners.length === 0 ? 'no shard' : owners.map(({ name }) => name).join(' and ')
    wrong.set(who, [...(wrong.get(who) ?? []), slot])
  }
  for (const [who, slots] of wrong) find('slot-owners', `${slots.length} slots are owned by ${who}, first ${slots[0]}`)
}

function judgeLogs(
  logs: readonly PodLog[],
  answers: readonly AnswerLine[],
  balancers: readonly string[],
  nameOf: (key: string) => string,
  find: Find,
): void {
  const byPod = new Map(logs.map((log) => [log.pod, log]))
  for (const { pod, key, content } of answers) {
    const candidates = balancers.includes(pod) ? logs : [byPod.get(pod)].filter((log) => log !== undefined)
    if (candidates.length > 0 && !candidates.some((log) => log.entries.has(entryName(key, content))))
      find(
        'not-in-log',
        `${pod} acknowledged content ${content.slice(0, 8)} of ${nameOf(key)}, but its log has no such entry`,
        key,
      )
  }
  for (const pod of new Set(answers.map((answer) => answer.pod)))
    if (!byPod.has(pod) && !balancers.includes(pod) && logs.length > 0)
      find('no-evidence', `${pod} acknowledged summaries, but its log was not found`)
  for (const { pod, unsettled } of logs)
    if (unsettled > 0) find('unsettled', `${unsettled} entries of the log of ${pod} were never settled`)
}

/** The servers' own counts against the keys that evidence explains: a record that nobody sent has no key to be found by. */
function judgeCounts(
  shards: readonly ShardEvidence[],
  explained: ReadonlyMap<string, number>,
  options: JudgeOptions,
  find: Find,
): void {
  for (const { name, counts, owned, expireEarly, expireLate } of shards) {
    if (expireEarly > 0)
      find('expiry', `${name} will drop ${expireEarly} live records before the first expiry that any of its records names`)
    if (expireLate > 0)
      find('expiry', `${name} will hold ${expireLate} live records beyond the last expiry that any of its records names`)
    let total = 0
    for (const [slot, count] of counts) if (owned.has(slot) || options.settled) total += count
    const known = explained.get(name) ?? 0
    if (options.settled && total !== known)
      find('stray-records', `${name} holds ${total} live records, but journals and logs explain ${known} of them`)
  }
}
