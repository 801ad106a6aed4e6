/**
 * What an agent notes down for the auditor: each content before it is first sent, and each answer after it came. Lines of JSON in
 * one file an agent. A content is written (not only buffered) before its bytes leave, so whatever a verifier decides was known to the
 * journal before; answers follow within a tick, and one that is lost with a killed agent is only one statement less to check.
 */
import { closeSync, openSync, writeSync } from 'node:fs'

/** A content that an agent is about to send for a key, for the first time. */
export interface SentLine {
  readonly t: 'sent'
  /** Dedup key, hex. */
  readonly key: string
  readonly tenant: string
  readonly pcs: string
  /** Content hash, hex: the one that a decision record keeps. */
  readonly content: string
}

/** A decision that a verifier answered. */
export interface AnswerLine {
  readonly t: 'answer'
  readonly key: string
  readonly pod: string
  /** The content of the attempt that was answered; the decision may be about another one of the same key. */
  readonly content: string
  readonly accepted: boolean
  readonly escalated: boolean
  readonly dHat: number
  readonly budget: number
  readonly reason: string
}

/** An answer that is a failure of the fleet or of the agent, whatever the faults: the summary was well-formed and well signed. */
export interface RefusedLine {
  readonly t: 'refused'
  readonly key: string
  readonly pod: string
  readonly message: string
}

/** No pod answered for so long that the agent gave up. The fleet was down then; the key may have been decided all the same. */
export interface UnansweredLine {
  readonly t: 'unanswered'
  readonly key: string
  readonly content: string
  readonly message: string
}

export type JournalLine = SentLine | AnswerLine | RefusedLine | UnansweredLine

export class Journal {
  readonly #fd: number
  #pending: string[] = []

  constructor(file: string) {
    this.#fd = openSync(file, 'a')
  }

  note(line: JournalLine): void {
    this.#pending.push(JSON.stringify(line))
  }

  /** Writes what was noted. Call it before the bytes of a noted content leave. */
  flush(): void {
    if (this.#pending.length === 0) return
    writeSync(this.#fd, `${this.#pending.join('\n')}\n`)
    this.#pending = []
  }

  close(): void {
    this.flush()
    closeSync(this.#fd)
  }
}
