/**
 * What clients and pods saw, and whether it is one history: each key has one outcome, all answers about it agree, and what follows from a
 * decision happened once, at the entry that won.
 */
import { renderAnswer } from '@fractal-lba/backend/ingest/answers'
import type { LogRecord } from '@fractal-lba/backend/wal/read'
import { decodeRecord, originOf } from '@fractal-lba/protocol/records/record'
import type { Put } from '@fractal-lba/shards/port'
import type { Subject } from './corpus.ts'

interface Decision {
  readonly record: Buffer
  readonly expiresAtMs: number
  readonly answer: string
  readonly origin: string
}

export class History {
  /** By key, in the order in which shards took them: more than one only where the one before had expired. */
  readonly #decisions = new Map<string, Decision[]>()
  readonly #answers = new Map<string, Set<string>>()
  /** By origin: the lives of pods that ran the effects. */
  readonly #effects = new Map<string, string[]>()
  readonly #won = new Map<string, number>()
  readonly #settled = new Map<string, number>()
  readonly #entries = new Set<string>()
  acknowledged = 0

  decided(subject: Subject, { record, expiresAtMs }: Put): void {
    const origin = textOf(record)
    const decision = {
      record: Buffer.from(record),
      expiresAtMs,
      answer: renderAnswer(decodeRecord(record), subject.pcsId),
      origin,
    }
    const key = subject.pcsId
    const known = this.#decisions.get(key)
    if (known) known.push(decision)
    else this.#decisions.set(key, [decision])
  }

  /** @throws Error where the answer is not that of a decision, or contradicts an earlier answer. */
  answered({ pcsId }: Subject, answer: string, expires: boolean): void {
    this.acknowledged++
    const decisions = this.#decisions.get(pcsId) ?? []
    if (!decisions.some((decision) => decision.answer === answer))
      throw new Error(`answers: ${short(pcsId)} was answered with what nobody had decided: ${answer}`)
    const answers = this.#answers.get(pcsId) ?? new Set()
    this.#answers.set(pcsId, answers.add(answer))
    // Where a decision has expired in between, two answers are right.
    if (answers.size > 1 && !expires)
      throw new Error(`answers: ${short(pcsId)} was answered in two ways: ${[...answers].join(' and ')}`)
  }

  /** A pod runs what follows from a decision. @param life names the pod's process */
  effect(life: string, record: Buffer): void {
    const origin = textOf(record)
    const lives = this.#effects.get(origin) ?? []
    if (lives.includes(life)) throw new Error(`effects: ${life} ran those of ${origin} twice`)
    if (this.#won.has(origin)) throw new Error(`effects: ${life} runs those of ${origin}, which were noted as done`)
    lives.push(life)
    this.#effects.set(origin, lives)
  }

  /** The whole log of a pod, at the end. */
  log(pod: string, record: LogRecord): void {
    if (record.kind === 'entry') {
      this.#entries.add(`${pod}/${record.position.segment}/${record.position.offset}`)
      return
    }
    for (const { position, result } of record.settlements) {
      const origin = `${pod}/${position.segment}/${position.offset}`
      this.#settled.set(origin, (this.#settled.get(origin) ?? 0) + 1)
      if (result === 'won') this.#won.set(origin, (this.#won.get(origin) ?? 0) + 1)
    }
  }

  /** Once all logs were read. @param expires whether decisions about a subject of this id expire during the run */
  check(expires: (pcsId: string) => boolean): void {
    for (const entry of this.#entries) {
      const times = this.#settled.get(entry) ?? 0
      if (times !== 1) throw new Error(`settled: the log's entry ${entry} was settled ${times} times`)
    }
    for (const [pcsId, decisions] of this.#decisions) {
      if (expires(pcsId)) continue
      for (const { origin } of decisions) {
        const times = this.#won.get(origin) ?? 0
        if (times !== 1) throw new Error(`effects: those of ${short(pcsId)}, decided by ${origin}, are noted ${times} times`)
        if (!this.#effects.has(origin)) throw new Error(`effects: those of ${short(pcsId)}, decided by ${origin}, were not run`)
      }
    }
    const origins = new Set([...this.#decisions.values()].flat().map(({ origin }) => origin))
    for (const origin of this.#won.keys())
      if (!origins.has(origin)) throw new Error(`effects: those of ${origin} are noted, but it decided nothing`)
  }
}

function textOf(record: Buffer): string {
  const { pod, segment, offset } = originOf(record)
  return `${pod}/${segment}/${offset}`
}

const short = (pcsId: string): string => pcsId.slice(0, 12)
