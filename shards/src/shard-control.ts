/**
 * The control plane of a shard of any kind: which rule each call of the port is (slot-rules.ts), over two things that a store kind
 * brings: changing rows atomically, and moving records.
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { LeaseRequest } from './lease-rule.ts'
import type {
  ApplyResult,
  CaptureBacklog,
  ExportCursor,
  Fence,
  MigrationId,
  RecordBatch,
  ShardControl,
  ShardDescription,
  ShardId,
  SlotDigest,
} from './port.ts'
import {
  acquireRule,
  beginImportRule,
  markVerifiedRule,
  releaseRule,
  type SlotRule,
  startCaptureRule,
  stopCaptureRule,
} from './slot-rules.ts'

export interface FleetRecord {
  readonly id: string
  readonly initialOwners: readonly ShardId[]
}

export interface ChangeOptions {
  /** Puts must see the change as a whole or not at all, and none that saw the rows before may still be under way when it returns. */
  readonly quiesce: boolean
  /** Changes who takes puts: counted in the epoch. */
  readonly ownership: boolean
  /** Slots that change must hold no records. */
  readonly mustBeEmpty: boolean
  /** What is queued for slots that end up captured for nobody is dropped. */
  readonly dropQueues: boolean
}

/** Each call is atomic, checks the fence, and returns once replicas have acknowledged it. */
export interface OwnershipStore {
  describe(): Promise<ShardDescription>
  initialise(fleet: FleetRecord, owned: readonly SlotId[]): Promise<void>
  markFleetReady(): Promise<void>
  acquireLease(request: LeaseRequest): Promise<void>
  releaseLease(generation: number): Promise<void>
  putMigration(fence: Fence, document: string): Promise<void>
  /** Applies the rule to the rows of all slots, or refuses and changes nothing. */
  change(rule: SlotRule, fence: Fence, slots: readonly SlotId[], options: ChangeOptions): Promise<void>
  discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }>
}

/** The calls of the port that move and compare records, as they are. */
export type RecordStore = Pick<
  ShardControl,
  'exportFrom' | 'readCaptured' | 'dropCaptured' | 'captureBacklog' | 'apply' | 'digest' | 'listSlot' | 'measure'
>

const ROWS_ONLY: ChangeOptions = { quiesce: false, ownership: false, mustBeEmpty: false, dropQueues: false }

export class StoredShardControl implements ShardControl {
  readonly id: ShardId
  readonly kind: ShardControl['kind']
  readonly close: () => Promise<void>
  readonly #ownership: OwnershipStore
  readonly #records: RecordStore

  constructor(
    id: ShardId,
    kind: ShardControl['kind'],
    parts: { readonly ownership: OwnershipStore; readonly records: RecordStore; readonly close: () => Promise<void> },
  ) {
    this.id = id
    this.kind = kind
    this.#ownership = parts.ownership
    this.#records = parts.records
    this.close = parts.close
  }

  describe(): Promise<ShardDescription> {
    return this.#ownership.describe()
  }

  initialise(fleet: FleetRecord, owned: readonly SlotId[]): Promise<void> {
    return this.#ownership.initialise(fleet, owned)
  }

  markFleetReady(): Promise<void> {
    return this.#ownership.markFleetReady()
  }

  acquireLease(lease: LeaseRequest): Promise<void> {
    return this.#ownership.acquireLease(lease)
  }

  releaseLease(generation: number): Promise<void> {
    return this.#ownership.releaseLease(generation)
  }

  putMigration(fence: Fence, document: string): Promise<void> {
    checkMigrationId(fence.migration)
    return this.#ownership.putMigration(fence, document)
  }

  beginImport(fence: Fence, slots: readonly SlotId[], from: ShardId): Promise<void> {
    checkMigrationId(fence.migration)
    return this.#ownership.change(beginImportRule(fence.migration, from), fence, slots, { ...ROWS_ONLY, mustBeEmpty: true })
  }

  markVerified(fence: Fence, slots: readonly SlotId[]): Promise<void> {
    return this.#ownership.change(markVerifiedRule(fence.migration), fence, slots, ROWS_ONLY)
  }

  startCapture(fence: Fence, slots: readonly SlotId[], to: ShardId): Promise<void> {
    checkMigrationId(fence.migration)
    return this.#ownership.change(startCaptureRule(fence.migration, to), fence, slots, { ...ROWS_ONLY, quiesce: true })
  }

  stopCapture(fence: Fence, slots: readonly SlotId[]): Promise<void> {
    return this.#ownership.change(stopCaptureRule(fence.migration), fence, slots, {
      ...ROWS_ONLY,
      quiesce: true,
      dropQueues: true,
    })
  }

  release(fence: Fence, slots: readonly SlotId[], to: ShardId): Promise<void> {
    return this.#ownership.change(releaseRule(fence.migration, to), fence, slots, {
      ...ROWS_ONLY,
      quiesce: true,
      ownership: true,
    })
  }

  acquire(
    fence: Fence,
    slots: readonly { slot: SlotId; generation: Generation }[],
    captureTo: ShardId | undefined,
  ): Promise<void> {
    const generations = new Map(slots.map(({ slot, generation }) => [slot, generation]))
    const rule = acquireRule(fence.migration, generations, captureTo)
    const options = { ...ROWS_ONLY, quiesce: true, ownership: true, dropQueues: true }
    return this.#ownership.change(rule, fence, [...generations.keys()], options)
  }

  discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }> {
    return this.#ownership.discard(fence, slots, limit)
  }

  exportFrom(cursor: ExportCursor, maxKeys: number): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }> {
    return this.#records.exportFrom(cursor, maxKeys)
  }

  readCaptured(
    migration: MigrationId,
    slots: readonly SlotId[],
    maxKeys: number,
  ): Promise<{ batch: RecordBatch; token: string } | undefined> {
    return this.#records.readCaptured(migration, slots, maxKeys)
  }

  dropCaptured(fence: Fence, token: string): Promise<void> {
    return this.#records.dropCaptured(fence, token)
  }

  captureBacklog(migration: MigrationId): Promise<CaptureBacklog> {
    return this.#records.captureBacklog(migration)
  }

  apply(fence: Fence, batch: RecordBatch): Promise<ApplyResult> {
    return this.#records.apply(fence, batch)
  }

  digest(
    slots: readonly SlotId[],
    options: { aliveAtMs: number; withoutCaptured: MigrationId | undefined },
  ): Promise<SlotDigest[]> {
    return this.#records.digest(slots, options)
  }

  listSlot(slot: SlotId, aliveAtMs: number): Promise<Map<string, string>> {
    return this.#records.listSlot(slot, aliveAtMs)
  }

  measure(slots: readonly SlotId[]): Promise<{ keys: number; bytes: number }> {
    return this.#records.measure(slots)
  }
}

/** Migration ids stand in rows and keys of the stores. */
function checkMigrationId(id: MigrationId): void {
  if (!/^[A-Za-z0-9._:/-]{1,200}$/.test(id))
    throw new RangeError(`migration id ${JSON.stringify(id)}: use 1 to 200 letters, digits and . _ : / -`)
}
