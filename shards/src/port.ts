/**
 * The contract of a shard. A shard is a Redis or Postgres server that holds dedup records and *is the authority on which slots
 * it owns* (I1). Two sides use it: a verifier's store client (`ShardData`) and the migration engine (`ShardControl`). What the
 * two promise each other is one program that runs inside the server (a Lua script, SQL functions), which is why both sides
 * live in this room. Adapters: `memory/` (in this process: simulation), `redis/`, `postgres/`; one conformance suite for all.
 *
 * Records are opaque bytes here and never change once written (first write wins). From that follows most of what makes
 * migration simple: applying a set of records twice, or in another order, gives the same state.
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'

declare const shardBrand: unique symbol
/** Names a shard for ever: `host:port[/database]` of its address (see `address.ts`). */
export type ShardId = string & { readonly [shardBrand]: true }

declare const migrationBrand: unique symbol
/** Names one migration; slots that it moves carry it, and calls of any other migration on them are refused. */
export type MigrationId = string & { readonly [migrationBrand]: true }

/* ---------------------------------------------------------------- data plane ---------------------------------------------- */

export interface Put {
  /** 32 bytes, see protocol/ring/slots. */
  readonly key: Buffer
  readonly slot: SlotId
  /** Opaque to the shard; at most 1 KiB. */
  readonly record: Buffer
  /** Absolute, milliseconds since the epoch. A record past it counts as absent, whether or not it was swept. */
  readonly expiresAtMs: number
}

export type PutOutcome =
  | { readonly kind: 'written' }
  /** A live record was there first. It may be the caller's own, written by a call whose reply was lost. */
  | { readonly kind: 'exists'; readonly record: Buffer }
  /**
   * I1: nothing was changed. `owner` is where the slot went, when this shard knows; it may not have acquired it yet. A shard that is
   * importing the slot names its source with no generation: a weaker hint than any that has one.
   */
  | { readonly kind: 'not-owner'; readonly owner: ShardId | undefined; readonly generation: Generation | undefined }

export interface PutReply {
  /** Number of ownership changes this shard has made; a value below one seen earlier means that the shard lost state. */
  readonly epoch: number
  /** In the order of the puts. */
  readonly outcomes: readonly PutOutcome[]
}

/** What a verifier asks of a shard. Any number of calls may be under way at once. */
export interface ShardData {
  readonly id: ShardId
  /**
   * Puts each record if its key has none; per put, the check of ownership, the check for a record, the write and (where capture
   * is on) the append to the capture queue are one atomic step. Two puts of one key in one call behave as two calls in order.
   * @throws ShardUnavailable when no answer came by `deadlineMs` (Date.now() based): each put may or may not have happened.
   */
  put(puts: readonly Put[], deadlineMs: number): Promise<PutReply>
  /** The live records of keys, undefined where there is none; whoever owns the slot. For audits. */
  get(keys: readonly Buffer[], deadlineMs: number): Promise<(Buffer | undefined)[]>
  /**
   * Deletes up to `limit` records of `slot` that expired before `nowMs` (or before the shard's own now, if that is earlier: a pod whose
   * clock is ahead must not delete live records). @returns how many it deleted.
   */
  sweepExpired(slot: SlotId, nowMs: number, limit: number): Promise<number>
  /** Round trip that proves the shard answers. @throws ShardUnavailable */
  ping(deadlineMs: number): Promise<void>
  close(): Promise<void>
}

/** No (timely) answer from the shard. The message names the shard, never its credentials. */
export class ShardUnavailable extends Error {
  readonly shard: ShardId
  constructor(shard: ShardId, what: string, options?: { cause?: unknown }) {
    super(`shard ${shard} is unavailable: ${what}`, options)
    this.name = 'ShardUnavailable'
    this.shard = shard
  }
}

/* --------------------------------------------------------------- control plane -------------------------------------------- */

/**
 * What a slot is to one shard. A slot with no row is nothing to it. `generation` is that of the slot's current owner as far as
 * this shard knows; `release` and `acquire` both carry the new one.
 *
 *   (none) --beginImport--> importing --acquire--> owned        owned --release--> released --acquire--> owned
 *   importing --discard--> (none)                               released --discard--> released, holding no records
 */
export type SlotRow =
  | {
      readonly slot: SlotId
      readonly role: 'owned'
      readonly generation: Generation
      /** While set, each put also appends to the capture queue, for `capture.to`, on behalf of `migration`. */
      readonly capture: { readonly to: ShardId; readonly migration: MigrationId } | undefined
    }
  | {
      readonly slot: SlotId
      readonly role: 'importing'
      readonly migration: MigrationId
      readonly from: ShardId
      /** `pending`: nothing or a part is copied; `copied`: I2 holds; `verified`: I3 held when it was set. */
      readonly copy: 'pending' | 'copied' | 'verified'
    }
  | {
      readonly slot: SlotId
      readonly role: 'released'
      readonly generation: Generation
      readonly to: ShardId
      /** Set while the records are kept for a way back; undefined once cleaned up (then only the hint is left). */
      readonly migration: MigrationId | undefined
    }

/** Who may change ownership now. One generation for all shards of a fleet: the holder took it at each of them. */
export interface Lease {
  readonly generation: number
  readonly holder: string
  /** By the shard's own clock. */
  readonly remainingMs: number
}

/** Carried by each mutating control call. A shard refuses a generation lower than the highest it has seen. */
export interface Fence {
  readonly generation: number
  readonly migration: MigrationId
}

export interface ShardDescription {
  readonly id: ShardId
  /** Undefined: an empty server that belongs to no fleet yet. */
  readonly fleet: { readonly id: string; readonly initialOwners: readonly ShardId[]; readonly ready: boolean } | undefined
  readonly epoch: number
  readonly lease: Lease | undefined
  /** Highest fencing generation seen. */
  readonly fence: number
  readonly slots: readonly SlotRow[]
  /** Documents of migrations that touched this shard, by id (JSON text, at most 1 MiB each). */
  readonly migrations: ReadonlyMap<MigrationId, string>
  /** Replicas that are connected; ownership changes wait for that many acknowledgements. */
  readonly replicas: number
  /** What is wrong with how the server is set up (eviction allowed, no persistence), for people. */
  readonly warnings: readonly string[]
}

/** Why a shard refused a control call; nothing was changed. */
export type Refusal =
  /** Initialising a shard of another fleet, or (`fleet` undefined) one that holds slots or records of a fleet it has forgotten. */
  | { readonly kind: 'other-fleet'; readonly fleet: string | undefined }
  | { readonly kind: 'fenced'; readonly seen: number }
  | { readonly kind: 'lease-held'; readonly lease: Lease }
  /** A slot is not in the state that the call needs; `is` describes it. */
  | { readonly kind: 'illegal'; readonly slot: SlotId; readonly needs: string; readonly is: string }

/** A control call that the shard refused. Stops the caller: it is stale, or the order of its calls is not legal. */
export class ShardRefused extends Error {
  readonly shard: ShardId
  readonly refusal: Refusal
  constructor(shard: ShardId, call: string, refusal: Refusal) {
    super(`shard ${shard} refused ${call}: ${describeRefusal(refusal)}`)
    this.name = 'ShardRefused'
    this.shard = shard
    this.refusal = refusal
  }
}

function describeRefusal(refusal: Refusal): string {
  switch (refusal.kind) {
    case 'other-fleet':
      return refusal.fleet === undefined ? 'it is not empty, yet belongs to no fleet' : `it belongs to the fleet ${refusal.fleet}`
    case 'fenced':
      return `a newer operator (generation ${refusal.seen}) has taken over`
    case 'lease-held':
      return `"${refusal.lease.holder}" holds the lease for another ${Math.ceil(refusal.lease.remainingMs / 1000)} s`
    case 'illegal':
      return `slot ${refusal.slot} must be ${refusal.needs}, but is ${refusal.is}`
  }
}

/** Records on their way between two shards of one store kind. Only the adapters look inside `payload`. */
export interface RecordBatch {
  readonly payload: Buffer
  readonly keys: number
  readonly bytes: number
  /** Slots that end in this batch: when it is applied, they are wholly copied. Empty for captured records. */
  readonly completes: readonly SlotId[]
  /** Slots that have records in this batch. */
  readonly slots: readonly SlotId[]
}

/** Where an export stands. Opaque, serialisable; made by `exportFrom`. */
export interface ExportCursor {
  readonly slots: readonly SlotId[]
  /** Position inside `slots[0]`, when that slot is larger than a batch. */
  readonly within: string | undefined
}

/**
 * Servers' clocks differ a little. Where two records of one key meet in `apply` and the one that expires first does so within this
 * time, the other is its successor (the source saw the first expire, then took the second), and no conflict. For the same reason
 * `aliveAtMs` of a digest should lie at least this far ahead of now: what expires sooner may have been swept on one side only.
 */
export const CLOCK_TOLERANCE_MS = 60_000

export interface ApplyResult {
  readonly added: number
  readonly alreadyThere: number
  /**
   * Keys for which the target holds a *different* live record: someone else wrote to a slot that is being moved, or I1 was
   * broken. Never overwritten, and their slots are not marked as copied; the migration stops. At most 100 are returned.
   */
  readonly conflicts: readonly Buffer[]
}

/** Count and order-free digest of the live records of a slot: equal sets give equal digests, whatever the order. */
export interface SlotDigest {
  readonly slot: SlotId
  readonly count: number
  /** `algorithm:hex`. Comparable between shards of one store kind only. Computed by the server. */
  readonly digest: string
}

export interface CaptureBacklog {
  readonly keys: number
  /** Age of the oldest captured record that is not applied yet; 0 when there is none. */
  readonly lagMs: number
}

/**
 * What the migration engine asks of a shard. Each call is atomic (all slots or none), idempotent (a repeat of what was done
 * succeeds and changes nothing) and, where it takes a `Fence`, refused with `ShardRefused` when the fence is stale or a named slot
 * belongs to another migration. Ownership changes return only when `replicas` have acknowledged them.
 * @throws ShardUnavailable from any call.
 */
export interface ShardControl {
  readonly id: ShardId
  readonly kind: 'memory' | 'redis' | 'postgres'

  describe(): Promise<ShardDescription>
  /** Creates the schema where needed and records the fleet. A shard of another fleet is refused. Idempotent. */
  initialise(fleet: { id: string; initialOwners: readonly ShardId[] }, owned: readonly SlotId[]): Promise<void>
  /** Marks the fleet's first ownership as complete; from here a shard that is found empty has lost its state. */
  markFleetReady(): Promise<void>

  /** Takes, or renews, the lease with `generation`. Refused while another holder's has not run out, unless `takeOver`. */
  acquireLease(lease: { holder: string; generation: number; ttlMs: number; takeOver: boolean }): Promise<void>
  /** Ends the lease of this generation, keeping the fence. */
  releaseLease(generation: number): Promise<void>
  /** Stores the document under its migration's id. */
  putMigration(fence: Fence, document: string): Promise<void>

  /** (none) or cleaned released -> importing(pending). The slot must hold no records here. */
  beginImport(fence: Fence, slots: readonly SlotId[], from: ShardId): Promise<void>
  /** importing(copied) -> importing(verified). */
  markVerified(fence: Fence, slots: readonly SlotId[]): Promise<void>
  /** Capture on: from its return each put into these owned slots is in the queue, and every earlier put is visible to exports. */
  startCapture(fence: Fence, slots: readonly SlotId[], to: ShardId): Promise<void>
  /** Capture off, and what is queued for these slots is dropped. */
  stopCapture(fence: Fence, slots: readonly SlotId[]): Promise<void>
  /**
   * owned and captured towards `to` -> released(to) with `generation + 1`. From its return no put changes these slots; every put before is
   * in the queue.
   */
  release(fence: Fence, slots: readonly SlotId[], to: ShardId): Promise<void>
  /**
   * importing(verified) or released -> owned, with the generation that the releasing side has set, and capture on towards `captureTo` where
   * given; without, what is still queued for these slots here is dropped.
   */
  acquire(fence: Fence, slots: readonly { slot: SlotId; generation: Generation }[], captureTo: ShardId | undefined): Promise<void>
  /**
   * Deletes up to `limit` records of slots that this shard does not own; an importing row goes with its last record, a released one keeps
   * its hint. Refused while captured records of a slot are still queued.
   */
  discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }>

  /** The next records of a copy, at most about `maxKeys`; a slot ends in one batch, so that each batch is a checkpoint. */
  exportFrom(cursor: ExportCursor, maxKeys: number): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }>
  /**
   * Records captured for these slots, about oldest first (their order is of no consequence: records never change), left in the queue until
   * `dropCaptured(token)`. Undefined when nothing is queued; for slots that were released this is final.
   */
  readCaptured(
    migration: MigrationId,
    slots: readonly SlotId[],
    maxKeys: number,
  ): Promise<{ batch: RecordBatch; token: string } | undefined>
  dropCaptured(fence: Fence, token: string): Promise<void>
  captureBacklog(migration: MigrationId): Promise<CaptureBacklog>
  /**
   * Set-if-absent, with the absolute expiry, into slots that are `importing` or `released` for this migration; marks
   * `batch.completes` as copied in the same step. Compares the records of keys that are there already. Records that have expired by now
   * may be left out.
   */
  apply(fence: Fence, batch: RecordBatch): Promise<ApplyResult>

  /**
   * Digests of records that live past `aliveAtMs`, computed by the server. `withoutCaptured`: less what is queued for the migration
   * at the same instant, which is what the other side must hold.
   */
  digest(
    slots: readonly SlotId[],
    options: { aliveAtMs: number; withoutCaptured: MigrationId | undefined },
  ): Promise<SlotDigest[]>
  /** Key -> digest of each record of a slot, to find what differs. */
  listSlot(slot: SlotId, aliveAtMs: number): Promise<Map<string, string>>
  /** Live keys and bytes by slot, an estimate where counting is dear. */
  measure(slots: readonly SlotId[]): Promise<{ keys: number; bytes: number }>
  close(): Promise<void>
}
