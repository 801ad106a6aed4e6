/** A small history in which all went well, as lines, for tests that then break one of them. */
import type { CallLine, EffectLine, HistoryLine, RecordLine, ReturnLine, UnknownLine } from '../format/lines.ts'

const DAY_MS = 24 * 3600 * 1000
const KEYS = 6

/** Keys `0` to `5`, four attempts each: the second one wins, the last one has no answer. */
export interface SoundHistory {
  readonly lines: (CallLine | ReturnLine | UnknownLine | RecordLine | EffectLine)[]
}

export const keyOf = (n: number): string => n.toString(16).padStart(64, '0')
export const contentOf = (key: number, attempt: number): string => `${key}-${attempt}`
const saysOf = (attempt: number) => ({ dHat: 2, budget: 0.5 + attempt / 1000, reason: '', accepted: true, escalated: false })

export function soundHistory(): SoundHistory {
  const lines: SoundHistory['lines'] = []
  for (let n = 0; n < KEYS; n++) {
    const key = keyOf(n)
    const call = (attempt: number, us: number): CallLine => ({
      t: 'sent',
      op: `load/${n}/${attempt}`,
      us,
      key,
      tenant: 'acme',
      pcs: key,
      pod: 'pod-1',
      content: contentOf(n, attempt),
      ...saysOf(attempt),
    })
    const answer = (attempt: number, us: number): ReturnLine => ({
      t: 'answer',
      op: `load/${n}/${attempt}`,
      us,
      key,
      pod: 'pod-1',
      content: contentOf(n, attempt),
      ...saysOf(2),
    })
    lines.push(call(1, 1000), call(2, 1100), answer(2, 2000), answer(1, 2100), call(3, 3000), answer(3, 3500), call(4, 4000))
    lines.push({ t: 'unanswered', op: `load/${n}/4`, us: 8000, key, content: contentOf(n, 4), message: '503' })
    const origin = `pod-1 7:${n * 100}`
    lines.push({ t: 'effect', key, content: contentOf(n, 2), origin })
    lines.push({
      t: 'record',
      key,
      shard: 'shard-1',
      content: contentOf(n, 2),
      ...saysOf(2),
      decidedAtMs: 5000,
      expiresAtMs: 5000 + 14 * DAY_MS,
      origin,
    })
  }
  return { lines }
}

export function historyText(lines: readonly HistoryLine[]): string {
  const all: HistoryLine[] = [{ t: 'history', version: 1, seed: 1, what: 'a test' }, ...lines]
  all.push({ t: 'end', lines: all.length + 1 })
  return `${all.map((line) => JSON.stringify(line)).join('\n')}\n`
}
