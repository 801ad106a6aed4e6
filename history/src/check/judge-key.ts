/**
 * What must hold of all that was said and done about one key: a pure function. The promise is a write-once register, so:
 *
 *   all acknowledged answers name one winner; the winner is a content that a client sent; it was sent before the first answer that names it
 *   was received (or else something was decided that nobody had asked for yet); the record at the owner is the winner's, whole, and lives
 *   for fourteen days; effects were run once, for the winner, by the log entry that the record names.
 *
 * An attempt whose outcome is unknown may have taken effect at any time after it was sent, or never: it alone proves nothing.
 */
import type { CallLine, EffectLine, KeyLine, RecordLine, ReturnLine, Says } from '../format/lines.ts'

export type FindingKind =
  | 'two-winners'
  | 'not-submitted'
  | 'out-of-order'
  | 'lost'
  | 'record-contradicts'
  | 'effects'
  | 'origin'
  | 'expiry'
  | 'refused'
  | 'malformed'

/** Rules that a register has too: about a key with one of these, both checkers must speak. */
export const REGISTER_KINDS: ReadonlySet<FindingKind> = new Set([
  'two-winners',
  'not-submitted',
  'out-of-order',
  'lost',
  'record-contradicts',
  'effects',
])

export interface Finding {
  readonly kind: FindingKind
  readonly key: string
  /** A sentence with what is needed to look it up. */
  readonly what: string
}

export interface KeyTally {
  readonly calls: number
  readonly acknowledged: number
  readonly unknown: number
}

/** How long a decision stands. */
const DECISION_LIVES_MS = 14 * 24 * 3600 * 1000

export function judgeKey(
  key: string,
  lines: readonly KeyLine[],
): { readonly tally: KeyTally; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const find = (kind: FindingKind, what: string) => void findings.push({ kind, key, what: `key ${key.slice(0, 16)}: ${what}` })
  const calls = lines.filter((line) => line.t === 'sent')
  const answers = lines.filter((line) => line.t === 'answer').sort((a, b) => a.us - b.us)
  const unknown = lines.filter((line) => line.t === 'unanswered')
  const refused = lines.filter((line) => line.t === 'refused')
  const records = lines.filter((line) => line.t === 'record')
  const effects = lines.filter((line) => line.t === 'effect')

  judgeShape(calls, [...answers, ...unknown, ...refused], records, find)
  for (const line of refused) find('refused', `${line.pod} refused a well-formed attempt (${line.op}): ${line.message}`)
  const winner = judgeAnswers(calls, answers, find)
  const record = records[0]
  if (answers.length > 0 && !record) find('lost', `acknowledged ${answers.length} times, and its owner has no record of it`)
  if (record) judgeRecord(record, calls, answers, winner, find)
  judgeEffects(effects, record, winner, answers.length > 0, find)
  return { tally: { calls: calls.length, acknowledged: answers.length, unknown: unknown.length }, findings }
}

type Find = (kind: FindingKind, what: string) => void

/** A history that a recorder could not have written proves nothing about the fleet. */
function judgeShape(
  calls: readonly CallLine[],
  returns: readonly { readonly op: string; readonly us: number }[],
  records: readonly RecordLine[],
  find: Find,
): void {
  const calledAt = new Map(calls.map(({ op, us }) => [op, us]))
  if (calledAt.size !== calls.length) find('malformed', 'two calls have one name')
  const seen = new Set<string>()
  for (const { op, us } of returns) {
    const since = calledAt.get(op)
    if (since === undefined || since > us) find('malformed', `attempt ${op} returned without having been called before`)
    if (seen.has(op)) find('malformed', `attempt ${op} returned twice`)
    seen.add(op)
  }
  if (records.length > 1) find('malformed', `${records.length} owners' records are given`)
}

/** @returns the call whose content the first answer names. */
function judgeAnswers(calls: readonly CallLine[], answers: readonly ReturnLine[], find: Find): CallLine | undefined {
  const callOf = new Map(calls.map((call) => [said(call), call]))
  const first = answers[0]
  if (!first) return undefined
  const odd = answers.find((answer) => said(answer) !== said(first))
  if (odd) find('two-winners', `${first.pod} answered "${said(first)}" (${first.op}), and ${odd.pod} "${said(odd)}" (${odd.op})`)
  for (const answer of new Map(answers.map((each) => [said(each), each])).values()) {
    if (!callOf.has(said(answer)))
      find('not-submitted', `${answer.pod} answered "${said(answer)}" (${answer.op}), about a content that nobody sent`)
  }
  const winner = callOf.get(said(first))
  if (winner && winner.us > first.us)
    find(
      'out-of-order',
      `${first.pod} answered at ${first.us} µs (${first.op}) that ${winner.op} had won, which was sent at ${winner.us} µs only`,
    )
  return winner
}

/** A decision in words; equal decisions read equal, and no two contents of a key have an equal one. */
function said({ accepted, escalated, dHat, budget, reason }: Says): string {
  return `${accepted ? 'accepted' : 'not accepted'}${escalated ? ', under review' : ''}, D_hat ${dHat}, budget ${budget}${reason && `, ${reason}`}`
}

function judgeRecord(
  record: RecordLine,
  calls: readonly CallLine[],
  answers: readonly ReturnLine[],
  winner: CallLine | undefined,
  find: Find,
): void {
  const { shard, content } = record
  const odd = answers.find((answer) => said(answer) !== said(record))
  if (odd) find('record-contradicts', `${shard} holds "${said(record)}", and ${odd.pod} answered "${said(odd)}" (${odd.op})`)
  else if (!calls.some((call) => call.content === content && said(call) === said(record)))
    find('record-contradicts', `${shard} holds "${said(record)}" about content ${content.slice(0, 16)}, which nobody sent so`)
  else if (winner && winner.content !== content)
    find(
      'record-contradicts',
      `${shard} holds content ${content.slice(0, 16)}, and the answers are about ${winner.content.slice(0, 16)}`,
    )
  const livesMs = record.expiresAtMs - record.decidedAtMs
  if (livesMs !== DECISION_LIVES_MS) find('expiry', `its record at ${shard} lives for ${livesMs} ms, not for fourteen days`)
}

function judgeEffects(
  effects: readonly EffectLine[],
  record: RecordLine | undefined,
  winner: CallLine | undefined,
  acknowledged: boolean,
  find: Find,
): void {
  const where = effects.length > 0 ? `: ${effects.map(({ origin }) => origin).join(', ')}` : ''
  if (effects.length > 1 || (effects.length === 0 && (record || acknowledged)))
    find('effects', `its effects were run ${effects.length} times, not once${where}`)
  for (const { content, origin } of effects) {
    if (!record) {
      if (!acknowledged) find('lost', `it was decided by ${origin}, and its owner has no record of it`)
    } else if (content !== record.content)
      find('effects', `its effects were run for content ${content.slice(0, 16)} (${origin}), and its record is about another one`)
    else if (origin !== record.origin) find('origin', `its effects were run by ${origin}, and its record names ${record.origin}`)
    if (!record && winner && winner.content !== content)
      find(
        'effects',
        `its effects were run for content ${content.slice(0, 16)} (${origin}), and the answers are about another one`,
      )
  }
}
