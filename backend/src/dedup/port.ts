/**
 * The contract of deduplication: decides, once and for all, which record a key has. Implementations: `memory/` (embedded, one pod,
 * rebuilt from the WAL) and `sharded/` (Redis or Postgres shards, through routing). Called by `ingest/` with a batch at a time.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'

export interface DedupPut {
  /** 32 bytes: protocol/ring/slots `dedupKey`. */
  readonly key: Buffer
  readonly slot: SlotId
  /** Encoded by protocol/records/record; carries `origin`, by which a repeated call recognises its own write. */
  readonly record: Buffer
  readonly expiresAtMs: number
}

export type Outcome =
  /** This record is the key's record for ever (until it expires). Also when an earlier, unanswered call of the same origin wrote it. */
  | { readonly kind: 'won' }
  /** Another record is; here it is. */
  | { readonly kind: 'lost'; readonly record: Buffer }
  /** No answer by the deadline, or no owner found by then: the write may or may not have happened. Repeat it with the same origin. */
  | { readonly kind: 'unavailable'; readonly reason: string }

/**
 * Atomic per key: of any number of concurrent calls for one key exactly one sees `won`, and all see the same record. The owner
 * check and the write are one step at the shard (I1). Never throws for a store that is down: that is an outcome, per put, since
 * one shard may be down and another not.
 */
export interface DedupStore {
  putIfAbsent(puts: readonly DedupPut[], deadlineMs: number): Promise<readonly Outcome[]>
  /**
   * Why the pod should not be ready: no shard answers. While some do, the pod serves their slots, and answers 503 for the others.
   */
  readonly notReadyReason: string | undefined
  close(): Promise<void>
}
