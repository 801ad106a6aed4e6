/**
 * A shard inside this process, for simulations: the same contract as a server's, kept by plain maps. Each call does its work in one
 * synchronous step, which is what makes it atomic. The clock is given, so that a simulation runs in its own time.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { StoredLease } from '../lease-rule.ts'
import type { MigrationId, ShardId, SlotRow } from '../port.ts'
import type { PackedRecord } from '../record-packing.ts'
import type { FleetRecord } from '../shard-control.ts'

export interface CapturedRecord extends PackedRecord {
  readonly seq: number
  readonly capturedAtMs: number
}

export class MemoryServer {
  readonly id: ShardId
  readonly now: () => number
  fleet: FleetRecord | undefined
  ready = false
  epoch = 0
  fence = 0
  lease: StoredLease | undefined
  seq = 0
  readonly rows = new Map<SlotId, SlotRow>()
  readonly migrations = new Map<MigrationId, string>()
  readonly #records = new Map<SlotId, Map<string, PackedRecord>>()
  readonly #queues = new Map<SlotId, CapturedRecord[]>()

  constructor(id: ShardId, now: () => number) {
    this.id = id
    this.now = now
  }

  /** Records of a slot by key (latin1); made when asked for. */
  recordsOf(slot: SlotId): Map<string, PackedRecord> {
    const there = this.#records.get(slot)
    if (there) return there
    const records = new Map<string, PackedRecord>()
    this.#records.set(slot, records)
    return records
  }

  queueOf(slot: SlotId): readonly CapturedRecord[] {
    return this.#queues.get(slot) ?? []
  }

  setQueue(slot: SlotId, queue: CapturedRecord[]): void {
    if (queue.length > 0) this.#queues.set(slot, queue)
    else this.#queues.delete(slot)
  }

  capture(slot: SlotId, record: PackedRecord): void {
    const queue = this.#queues.get(slot)
    const captured = { ...record, seq: ++this.seq, capturedAtMs: this.now() }
    if (queue) queue.push(captured)
    else this.#queues.set(slot, [captured])
  }

  holdsRecords(): boolean {
    return [...this.#records.values()].some((records) => records.size > 0)
  }
}

const servers = new Map<ShardId, MemoryServer>()

/** The shard of this name in this process: all who open `memory://name` meet at the same one. */
export function memoryServer(id: ShardId, now: () => number): MemoryServer {
  const running = servers.get(id)
  if (running) return running
  const server = new MemoryServer(id, now)
  servers.set(id, server)
  return server
}
