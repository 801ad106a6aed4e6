/** Moving and comparing the records of a Redis shard: what the scripts of program-records.ts do, as the port words it. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import {
  type ApplyResult,
  type CaptureBacklog,
  type ExportCursor,
  type Fence,
  type MigrationId,
  type RecordBatch,
  type ShardId,
  ShardRefused,
  type SlotDigest,
} from '../port.ts'
import type { RecordStore } from '../shard-control.ts'
import { APPLY_NEEDS, describeRow } from '../slot-rules.ts'
import type { RedisConnection } from './connect.ts'
import { dumpFrame, isPortable, recordsFrame } from './payload.ts'
import {
  APPLY,
  BACKLOG,
  DIGEST,
  DROP_CAPTURED,
  EXPORT_RECORDS,
  LIST,
  MEASURE,
  PLAN_EXPORT,
  READ_CAPTURED,
} from './program-records.ts'
import { rowFromText } from './row-text.ts'

const CALL_DEADLINE_MS = 15_000
/** Redis runs one script at a time: what a call handles is bounded so that puts wait for a few milliseconds at most. */
const MAX_KEYS_PER_CALL = 2000
const MAX_SLOTS_PER_CALL = 1024
const MAX_DIGEST_SLOTS_PER_CALL = 64

export class RedisRecords implements RecordStore {
  readonly #id: ShardId
  readonly #connection: RedisConnection

  constructor(id: ShardId, connection: RedisConnection) {
    this.#id = id
    this.#connection = connection
  }

  async exportFrom(cursor: ExportCursor, maxKeys: number): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }> {
    const slots = cursor.slots.slice(0, MAX_SLOTS_PER_CALL)
    const args = [packSlots(slots), Math.max(1, Math.min(maxKeys, MAX_KEYS_PER_CALL)), cursor.within ?? '']
    const plan = await this.#connection.run(PLAN_EXPORT, args, deadline())
    const [keys, packedWhole, done, part, within] = plan as [number, Buffer, number, Buffer, Buffer]
    const whole = unpackSlots(packedWhole)
    const frames = part.length > 0 ? [recordsFrame(slots[0] as SlotId, part)] : await this.#wholeSlots(whole)
    const payload = Buffer.concat(frames.flat())
    const remaining = cursor.slots.slice(done)
    return {
      batch: {
        payload,
        keys,
        bytes: payload.length,
        completes: slots.slice(0, done),
        slots: part.length > 0 ? slots.slice(0, 1) : whole,
      },
      next: remaining.length === 0 ? undefined : { slots: remaining, within: within.length > 0 ? within.toString() : undefined },
    }
  }

  async #wholeSlots(slots: readonly SlotId[]): Promise<Buffer[][]> {
    const keys = slots.map((slot) => [`flk:d:${slot}`])
    const dumps = (await this.#connection.commands('DUMP', keys, deadline())) as (Buffer | null)[]
    const frames: Buffer[][] = []
    for (const [at, slot] of slots.entries()) {
      const dump = dumps[at]
      // None: its last records were swept a moment ago.
      if (dump) frames.push(isPortable(dump) ? dumpFrame(slot, dump) : await this.#recordsOf(slot))
    }
    return frames
  }

  async #recordsOf(slot: SlotId): Promise<Buffer[]> {
    return recordsFrame(slot, (await this.#connection.run(EXPORT_RECORDS, [slot], deadline())) as Buffer)
  }

  async apply(fence: Fence, batch: RecordBatch): Promise<ApplyResult> {
    const args = [fence.generation, fence.migration, batch.payload, packSlots(batch.completes)]
    const reply = (await this.#connection.run(APPLY, args, deadline())) as [Buffer, ...unknown[]]
    const [, first, second, third] = reply
    switch (reply[0].toString()) {
      case 'fenced':
        throw new ShardRefused(this.#id, 'apply', { kind: 'fenced', seen: first as number })
      case 'illegal': {
        const slot = first as SlotId
        const is = describeRow(rowFromText(slot, String(second)))
        throw new ShardRefused(this.#id, 'apply', { kind: 'illegal', slot, needs: APPLY_NEEDS, is })
      }
      default:
        return { added: first as number, alreadyThere: second as number, conflicts: third as Buffer[] }
    }
  }

  async readCaptured(
    migration: MigrationId,
    slots: readonly SlotId[],
    maxKeys: number,
  ): Promise<{ batch: RecordBatch; token: string } | undefined> {
    const args = [migration, packSlots(slots), Math.min(maxKeys, MAX_KEYS_PER_CALL)]
    const reply = await this.#connection.run(READ_CAPTURED, args, deadline())
    const [records, keys, touched, seqs] = reply as [Buffer[], number, Buffer, number[]]
    if (keys === 0) return undefined
    const read = unpackSlots(touched)
    const payload = Buffer.concat(read.flatMap((slot, at) => recordsFrame(slot, records[at] as Buffer)))
    return {
      batch: { payload, keys, bytes: payload.length, completes: [], slots: read },
      token: read.map((slot, at) => `${slot}:${seqs[at]}`).join(','),
    }
  }

  async dropCaptured(fence: Fence, token: string): Promise<void> {
    const pairs = token.split(',').flatMap((pair) => pair.split(':').map(Number))
    const reply = await this.#connection.run(DROP_CAPTURED, [fence.generation, fence.migration, ...pairs], deadline())
    const [kind, seen] = reply as [Buffer, number]
    if (kind.toString() === 'fenced') throw new ShardRefused(this.#id, 'dropCaptured', { kind: 'fenced', seen })
  }

  async captureBacklog(migration: MigrationId): Promise<CaptureBacklog> {
    const [keys, lagMs] = (await this.#connection.run(BACKLOG, [migration], deadline())) as [number, number]
    return { keys, lagMs }
  }

  async digest(
    slots: readonly SlotId[],
    options: { aliveAtMs: number; withoutCaptured: MigrationId | undefined },
  ): Promise<SlotDigest[]> {
    const digests: SlotDigest[] = []
    for (const some of chunked(slots, MAX_DIGEST_SLOTS_PER_CALL)) {
      const args = [packSlots(some), options.aliveAtMs, options.withoutCaptured ?? '']
      const reply = (await this.#connection.run(DIGEST, args, deadline())) as (number | Buffer)[]
      some.forEach((slot, at) => {
        digests.push({ slot, count: reply[2 * at] as number, digest: `sha1-sum:${reply[2 * at + 1]}` })
      })
    }
    return digests
  }

  async listSlot(slot: SlotId, aliveAtMs: number): Promise<Map<string, string>> {
    const reply = (await this.#connection.run(LIST, [slot, aliveAtMs], deadline())) as Buffer[]
    const digests = new Map<string, string>()
    for (let at = 0; at < reply.length; at += 2) digests.set((reply[at] as Buffer).toString('hex'), String(reply[at + 1]))
    return digests
  }

  /** Keys are counted; bytes are the keys times the mean of a sample. */
  async measure(slots: readonly SlotId[]): Promise<{ keys: number; bytes: number }> {
    let keys = 0
    let bytes = 0
    for (const some of chunked(slots, MAX_SLOTS_PER_CALL)) {
      const reply = await this.#connection.run(MEASURE, [packSlots(some)], deadline())
      const [count, sampleBytes, sample] = reply as [number, number, number]
      keys += count
      bytes += sample > 0 ? Math.round((count * sampleBytes) / sample) : 0
    }
    return { keys, bytes }
  }
}

const deadline = () => Date.now() + CALL_DEADLINE_MS

function packSlots(slots: readonly SlotId[]): Buffer {
  const packed = Buffer.allocUnsafe(2 * slots.length)
  slots.forEach((slot, at) => {
    packed.writeUInt16BE(slot, 2 * at)
  })
  return packed
}

function unpackSlots(packed: Buffer): SlotId[] {
  return Array.from({ length: packed.length / 2 }, (_, at) => packed.readUInt16BE(2 * at) as SlotId)
}

function* chunked<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size)
}
