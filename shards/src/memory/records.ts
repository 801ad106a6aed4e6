/** Moving and comparing the records of a shard in this process. */
import { hash } from 'node:crypto'
import { type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import {
  type ApplyResult,
  type CaptureBacklog,
  CLOCK_TOLERANCE_MS,
  type ExportCursor,
  type Fence,
  type MigrationId,
  type RecordBatch,
  ShardRefused,
  type SlotDigest,
} from '../port.ts'
import { type PackedRecord, packRecords, unpackRecords } from '../record-packing.ts'
import type { RecordStore } from '../shard-control.ts'
import { APPLY_NEEDS, captureOwner, describeRow, mayApply } from '../slot-rules.ts'
import { checkFence } from './ownership.ts'
import type { MemoryServer } from './server.ts'

const LANES = 3
const LANE_BYTES = 6

export class MemoryRecords implements RecordStore {
  readonly #server: MemoryServer

  constructor(server: MemoryServer) {
    this.#server = server
  }

  async exportFrom(cursor: ExportCursor, maxKeys: number): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }> {
    const records: PackedRecord[] = []
    const slots: SlotId[] = []
    let done = 0
    let within: string | undefined
    for (const slot of cursor.slots) {
      const after = done === 0 && cursor.within !== undefined ? Buffer.from(cursor.within, 'hex') : undefined
      const left = this.#sorted(slot).filter(({ key }) => !after || key.compare(after) > 0)
      const some = left.slice(0, Math.max(1, maxKeys) - records.length)
      if (some.length > 0) slots.push(slot)
      records.push(...some)
      if (some.length < left.length) {
        within = (some.at(-1)?.key ?? after)?.toString('hex')
        break
      }
      done++
      if (records.length >= maxKeys) break
    }
    const payload = packRecords(records)
    const remaining = cursor.slots.slice(done)
    return {
      batch: { payload, keys: records.length, bytes: payload.length, completes: cursor.slots.slice(0, done), slots },
      next: remaining.length > 0 ? { slots: remaining, within } : undefined,
    }
  }

  async apply(fence: Fence, batch: RecordBatch): Promise<ApplyResult> {
    const server = this.#server
    checkFence(server, 'apply', fence)
    const records = unpackRecords(batch.payload)
    for (const slot of new Set([...batch.completes, ...records.map(({ key }) => slotOfKey(key))])) {
      const row = server.rows.get(slot)
      if (!mayApply(row, fence.migration))
        throw new ShardRefused(server.id, 'apply', { kind: 'illegal', slot, needs: APPLY_NEEDS, is: describeRow(row) })
    }
    const clash = new Set<SlotId>()
    const conflicts: Buffer[] = []
    let added = 0
    let alreadyThere = 0
    for (const record of records) {
      const slot = slotOfKey(record.key)
      const outcome = this.#applyOne(slot, record)
      if (outcome === 'added') added++
      else if (outcome === 'there') alreadyThere++
      else {
        clash.add(slot)
        if (conflicts.length < 100) conflicts.push(record.key)
      }
    }
    for (const slot of batch.completes) {
      const row = server.rows.get(slot)
      if (row?.role === 'importing' && row.copy === 'pending' && !clash.has(slot))
        server.rows.set(slot, { ...row, copy: 'copied' })
    }
    return { added, alreadyThere, conflicts }
  }

  #applyOne(slot: SlotId, ours: PackedRecord): 'added' | 'there' | 'conflict' {
    const records = this.#server.recordsOf(slot)
    const name = ours.key.toString('latin1')
    const theirs = records.get(name)
    if (theirs) {
      if (theirs.expiresAtMs === ours.expiresAtMs) return theirs.record.equals(ours.record) ? 'there' : 'conflict'
      if (Math.min(theirs.expiresAtMs, ours.expiresAtMs) > this.#server.now() + CLOCK_TOLERANCE_MS) return 'conflict'
      if (theirs.expiresAtMs > ours.expiresAtMs) return 'there'
    }
    records.set(name, { key: Buffer.from(ours.key), record: Buffer.from(ours.record), expiresAtMs: ours.expiresAtMs })
    return 'added'
  }

  async readCaptured(
    migration: MigrationId,
    slots: readonly SlotId[],
    maxKeys: number,
  ): Promise<{ batch: RecordBatch; token: string } | undefined> {
    const captured = slots
      .filter((slot) => captureOwner(this.#server.rows.get(slot)) === migration)
      .flatMap((slot) => this.#server.queueOf(slot))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, maxKeys)
    if (captured.length === 0) return undefined
    const payload = packRecords(captured)
    const read = [...new Set(captured.map(({ key }) => slotOfKey(key)))]
    return {
      batch: { payload, keys: captured.length, bytes: payload.length, completes: [], slots: read },
      token: captured.map(({ seq, key }) => `${slotOfKey(key)}:${seq}`).join(','),
    }
  }

  async dropCaptured(fence: Fence, token: string): Promise<void> {
    checkFence(this.#server, 'dropCaptured', fence)
    const seqs = new Map<SlotId, Set<number>>()
    for (const pair of token.split(',')) {
      const [slot, seq] = pair.split(':').map(Number) as [SlotId, number]
      const ofSlot = seqs.get(slot)
      if (ofSlot) ofSlot.add(seq)
      else seqs.set(slot, new Set([seq]))
    }
    for (const [slot, read] of seqs)
      this.#server.setQueue(
        slot,
        this.#server.queueOf(slot).filter(({ seq }) => !read.has(seq)),
      )
  }

  async captureBacklog(migration: MigrationId): Promise<CaptureBacklog> {
    let keys = 0
    let oldest = Number.POSITIVE_INFINITY
    for (const [slot, row] of this.#server.rows) {
      const queue = captureOwner(row) === migration ? this.#server.queueOf(slot) : []
      keys += queue.length
      oldest = Math.min(oldest, queue[0]?.capturedAtMs ?? oldest)
    }
    return { keys, lagMs: keys > 0 ? Math.max(0, this.#server.now() - oldest) : 0 }
  }

  async digest(
    slots: readonly SlotId[],
    options: { aliveAtMs: number; withoutCaptured: MigrationId | undefined },
  ): Promise<SlotDigest[]> {
    return slots.map((slot) => {
      const lanes = new Array<number>(LANES).fill(0)
      const records = [...this.#server.recordsOf(slot).values()]
      let count = addAll(lanes, records, options.aliveAtMs, 1)
      if (options.withoutCaptured && captureOwner(this.#server.rows.get(slot)) === options.withoutCaptured)
        count -= addAll(lanes, this.#server.queueOf(slot), options.aliveAtMs, -1)
      return {
        slot,
        count,
        digest: `sha256-sum:${lanes.map((lane) => lane.toString(16).padStart(2 * LANE_BYTES, '0')).join('')}`,
      }
    })
  }

  async listSlot(slot: SlotId, aliveAtMs: number): Promise<Map<string, string>> {
    const alive = this.#sorted(slot).filter(({ expiresAtMs }) => expiresAtMs > aliveAtMs)
    return new Map(alive.map((record) => [record.key.toString('hex'), hashOf(record).toString('hex')]))
  }

  async measure(slots: readonly SlotId[]): Promise<{ keys: number; bytes: number }> {
    let keys = 0
    let bytes = 0
    for (const slot of slots)
      for (const { key, record } of this.#server.recordsOf(slot).values()) {
        keys++
        bytes += key.length + 8 + record.length
      }
    return { keys, bytes }
  }

  #sorted(slot: SlotId): PackedRecord[] {
    return [...this.#server.recordsOf(slot).values()].sort((a, b) => a.key.compare(b.key))
  }
}

function hashOf(record: PackedRecord): Buffer {
  return hash('sha256', packRecords([record]), 'buffer')
}

function addAll(lanes: number[], records: readonly PackedRecord[], aliveAtMs: number, sign: 1 | -1): number {
  const modulus = 2 ** (8 * LANE_BYTES)
  let count = 0
  for (const record of records) {
    if (record.expiresAtMs <= aliveAtMs) continue
    count++
    const digest = hashOf(record)
    for (let lane = 0; lane < LANES; lane++) {
      const sum = (lanes[lane] as number) + sign * digest.readUIntBE(lane * LANE_BYTES, LANE_BYTES)
      lanes[lane] = (sum + modulus) % modulus
    }
  }
  return count
}
