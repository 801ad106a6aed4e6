/**
 * The contract of the write-ahead log (inbox WAL): raw requests go in before anything looks at them, and what became of each is
 * noted behind them. Used by `ingest/` only. Layout on disk: docs/wal-format.md.
 */
import type { BadRecoveryReport } from './recover.ts'

/** Where an entry stands in this pod's WAL; together with the pod's name it is the `origin` of a decision. */
export interface WalPosition {
  readonly segment: number
  /** Byte offset of the entry's frame in its segment. */
  readonly offset: number
}

/** What became of an entry. Written behind it, batched, not waited for; an entry without one is run again at start. */
export interface Settlement {
  readonly position: WalPosition
  /**
   * `won`: this entry's put was the first write and its effects have been run; `lost`: another entry had decided (`equivocation`: with
   * other content); `refused`: a 4xx, nothing was changed.
   */
  readonly result: 'won' | 'lost' | 'equivocation' | 'refused'
  /** Of a decided entry; undefined for `refused`. */
  readonly key: Buffer | undefined
  /** The winner's record, kept where the WAL is what the store is rebuilt from (memory); undefined elsewhere. */
  readonly record: Buffer | undefined
}

export interface WalEntry<T> {
  readonly tenant: string
  /** The request body as it came. */
  readonly body: Buffer
  readonly receivedAtMs: number
  /** The caller's own context, handed back with the position. */
  readonly context: T
}

export interface DurableEntry<T> extends WalEntry<T> {
  readonly position: WalPosition
}

/** Group commit: entries gather while one sync is under way, and the next sync serves all of them. */
export interface Wal<T> {
  /**
   * Queues an entry; `onDurable` (given at construction) gets it, with all others of its sync, in the order of `append`, once its bytes are
   * on disk. Synchronous and cheap: no promise per request. @returns false when the log takes nothing now (disk full, failed,
   * closing): the caller answers 503 and nothing was queued.
   */
  append(entry: WalEntry<T>): boolean
  /** Notes what became of entries; rides along with the next sync, or soon after when there is none. */
  settle(settlements: readonly Settlement[]): void
  /** Entries appended and not settled. */
  readonly backlogEntries: number
  /** The segment that the next frame goes to: whatever is settled by now is noted in this one or an earlier one. */
  readonly currentSegment: number
  /**
   * `full`: no space; entries that were queued were given to `onRefused`, and the log tries again by itself.
   * `failed`: a sync failed; final (after a failed fsync the page cache lies): the process must exit.
   */
  readonly state: 'open' | 'full' | 'failed' | 'closed'
  /** Syncs what is queued, then closes. Settle what is in flight first: what is not settled by then is run again at the next start. */
  close(): Promise<void>
}

/** What a start found. */
export interface Recovered {
  /**
   * Entries with no settlement, in order: run them through the pipeline, one batch after the other, before serving, and settle them.
   * Read from disk as they are asked for, so that a long backlog does not fill the memory; can be iterated once.
   */
  readonly unsettled: AsyncIterable<readonly DurableEntry<undefined>[]>
  readonly unsettledEntries: number
  /** Bytes of a torn last record that were cut off the last segment. */
  readonly tornBytes: number
  readonly segments: number
  readonly entries: number
}

export type { BadRecoveryReport }
