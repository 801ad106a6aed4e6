/**
 * What the auditor looks at, as plain data: what the agents were told, what the shards hold and claim to own, what the verifiers' logs say.
 * Gathered by the readers in this folder, judged by `judge.ts`; nothing in it comes from the operator.
 */
import type { AnswerLine, RefusedLine } from '../agents/journal.ts'

export interface Evidence {
  readonly submitted: ReadonlyMap<string, SubmittedKey>
  readonly answers: readonly AnswerLine[]
  readonly refused: readonly RefusedLine[]
  /** Empty where the store is embedded in the verifier: its log is then the record. */
  readonly shards: readonly ShardEvidence[]
  readonly logs: readonly PodLog[]
}

export interface SubmittedKey {
  readonly tenant: string
  readonly pcsId: string
  /** Content hashes (hex) of every content that was ever sent for the key. */
  readonly contents: ReadonlySet<string>
}

export interface ShardEvidence {
  /** Its id: no credentials. */
  readonly name: string
  /** Slots that it says it owns. */
  readonly owned: ReadonlySet<number>
  /** By key (hex): the shard's live records of the keys that were asked for, owner or not. */
  readonly records: ReadonlyMap<string, Buffer>
  /** Live records of each slot that holds any, counted by the server: finds records that nobody asked for. */
  readonly counts: ReadonlyMap<number, number>
  /** Live records that the server itself will have dropped before the first expiry that any of `records` names. */
  readonly expireEarly: number
  /** Live records that it will still hold after the last one. */
  readonly expireLate: number
}

export interface PodLog {
  readonly pod: string
  readonly won: readonly WonEntry[]
  /** `key content` (hex) of every summary in the log. */
  readonly entries: ReadonlySet<string>
  /** Entries with no settlement: nobody knows what became of them. */
  readonly unsettled: number
}

export interface WonEntry {
  readonly key: string
  /** Content hash (hex) of the entry that won. */
  readonly content: string
  readonly segment: number
  readonly offset: number
  /** Kept by logs that a store is rebuilt from. */
  readonly record: Buffer | undefined
}

export function entryName(key: string, content: string): string {
  return `${key} ${content}`
}
