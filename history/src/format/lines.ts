/**
 * A history as lines of JSON: what clients asked and were told, with times of one monotonic clock, and at its end what the shards hold and
 * what the verifiers' logs say was done. Lines may come in any order between the first and the last; both checkers read the same file.
 * The lines of clients are journal lines of the demo's auditor with a little more, so that one file serves all three judges.
 */
import type { AnswerLine, RefusedLine, SentLine, UnansweredLine } from '@fractal-lba/demo/agents/journal'

/** The first line. */
export interface HeaderLine {
  readonly t: 'history'
  readonly version: 1
  readonly seed: number
  readonly what: string
}

interface Timed {
  /** Names the attempt: its call and its return carry the same one. */
  readonly op: string
  /** Microseconds since the run began. */
  readonly us: number
}

/** What a decision on a content says: tells, in an answer, which content was decided on. */
export interface Says {
  readonly dHat: number
  readonly budget: number
  readonly reason: string
  readonly accepted: boolean
  readonly escalated: boolean
}

/** An attempt leaves the client. Each has a content of its own. */
export type CallLine = SentLine & Timed & Says & { readonly pod: string }
/** It was acknowledged with a decision, about its own content or another one of the key. */
export type ReturnLine = AnswerLine & Timed
/** Refused for good (a 4xx): nothing happened. */
export type RefusedReturnLine = RefusedLine & Timed
/** Nobody knows what became of it: a time-out, a cut connection, a 5xx. It may take effect at any later time, or never. */
export type UnknownLine = UnansweredLine & Timed
export type ClientLine = CallLine | ReturnLine | RefusedReturnLine | UnknownLine

/** The record of a key at the owner of its slot, after everything. A key that has none has no such line. */
export interface RecordLine extends Says {
  readonly t: 'record'
  readonly key: string
  readonly shard: string
  readonly content: string
  readonly decidedAtMs: number
  readonly expiresAtMs: number
  /** `pod segment:offset` of the log entry that won. */
  readonly origin: string
}

/** Effects of a key's decision were run, by the log of a verifier. */
export interface EffectLine {
  readonly t: 'effect'
  readonly key: string
  readonly content: string
  readonly origin: string
}

/** The last line; a file without it was cut off. */
export interface EndLine {
  readonly t: 'end'
  /** Of the whole file, this one included. */
  readonly lines: number
}

export type KeyLine = ClientLine | RecordLine | EffectLine
export type HistoryLine = HeaderLine | KeyLine | EndLine

const KEY_LINES = new Set(['sent', 'answer', 'refused', 'unanswered', 'record', 'effect'])
const HEX_KEY = /^[0-9a-f]{64}$/

/** @throws Error that says what is no line of a history. */
export function parseHistoryLine(text: string, where: string): HistoryLine {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${where} is not JSON`, { cause })
  }
  const { t, key, lines, version } = (line ?? {}) as { t?: unknown; key?: unknown; lines?: unknown; version?: unknown }
  if (typeof t === 'string' && KEY_LINES.has(t)) {
    if (typeof key !== 'string' || !HEX_KEY.test(key)) throw new Error(`${where}: "key" is not 64 hex digits`)
    return checkedKeyLine(line as KeyLine, where)
  }
  if (t === 'end' && Number.isSafeInteger(lines)) return line as EndLine
  if (t === 'history') {
    if (version !== 1) throw new Error(`${where}: a history of version ${version}; this program reads version 1`)
    return line as HeaderLine
  }
  throw new Error(`${where} is not a line of a history`)
}

function checkedKeyLine(line: KeyLine, where: string): KeyLine {
  const need = (field: string, ok: boolean) => {
    if (!ok) throw new Error(`${where}: "${field}" is missing or of the wrong kind`)
  }
  const { op, us, dHat, budget, reason, content, origin, accepted, escalated, decidedAtMs, expiresAtMs } =
    line as unknown as Record<string, unknown>
  const client = line.t !== 'record' && line.t !== 'effect'
  if (client) {
    need('op', typeof op === 'string')
    need('us', Number.isSafeInteger(us))
  } else need('origin', typeof origin === 'string')
  if (line.t !== 'refused') need('content', typeof content === 'string')
  if (line.t === 'sent' || line.t === 'answer' || line.t === 'record') {
    need('dHat', typeof dHat === 'number')
    need('budget', typeof budget === 'number')
    need('reason', typeof reason === 'string')
    need('accepted', typeof accepted === 'boolean')
    need('escalated', typeof escalated === 'boolean')
  }
  if (line.t === 'record') {
    need('decidedAtMs', Number.isSafeInteger(decidedAtMs))
    need('expiresAtMs', Number.isSafeInteger(expiresAtMs))
  }
  return line
}
