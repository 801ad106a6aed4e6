/**
 * Where the memory store keeps its records: appended to large chunks, never changed, and freed a whole chunk at a time. Nothing of a
 * record is a JavaScript object, so five million of them cost their bytes and the collector has nothing to walk.
 *
 * A record is: length u16, key (32 bytes), record; the next begins at a multiple of four. A `ref` is its address: 12 bits of chunk and
 * 20 bits of offset / 4.
 */
import { expiresAtOf } from '@fractal-lba/protocol/records/record'
import { KEY_BYTES } from '@fractal-lba/protocol/ring/slots'

export const CHUNK_BYTES = 4 * 1024 * 1024
const MAX_CHUNKS = 4096
const CHUNK_SHIFT = 20
const OFFSET_MASK = (1 << CHUNK_SHIFT) - 1
const RECORD_AT = 2 + KEY_BYTES
const MAX_RECORD_BYTES = 0xffff

export interface Chunk {
  readonly slot: number
  readonly bytes: Buffer
  usedBytes: number
  records: number
  /** The chunk can go once this has passed. */
  lastExpiryMs: number
}

export class Arena {
  /** By `slot`, which is part of every ref into the chunk. */
  readonly #bySlot: (Chunk | undefined)[] = []
  /** In the order in which they were begun; the last one is appended to. */
  #chunks: Chunk[] = []
  readonly #freeSlots: number[] = []

  get chunks(): readonly Chunk[] {
    return this.#chunks
  }

  /** @returns the record's ref; undefined when the arena is full. */
  append(key: Buffer, record: Buffer): number | undefined {
    if (record.length > MAX_RECORD_BYTES)
      throw new RangeError(`a record of ${record.length} bytes is larger than ${MAX_RECORD_BYTES}`)
    const bytes = RECORD_AT + record.length
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.usedBytes + bytes > CHUNK_BYTES) {
      chunk = this.#begin()
      if (chunk === undefined) return undefined
    }
    const at = chunk.usedBytes
    chunk.bytes.writeUInt16LE(record.length, at)
    chunk.bytes.set(key, at + 2)
    chunk.bytes.set(record, at + RECORD_AT)
    chunk.usedBytes = aligned(at + bytes)
    chunk.records++
    const expiresAtMs = expiresAtOf(record)
    if (expiresAtMs > chunk.lastExpiryMs) chunk.lastExpiryMs = expiresAtMs
    return chunk.slot * (OFFSET_MASK + 1) + at / 4
  }

  hasKey(ref: number, key: Buffer): boolean {
    const { bytes } = this.#chunkOf(ref)
    const at = offsetOf(ref) + 2
    // Eight comparisons of words: a call into native code would cost more than the comparison.
    for (let index = 0; index < KEY_BYTES; index += 4) {
      if (bytes.readUInt32LE(at + index) !== key.readUInt32LE(index)) return false
    }
    return true
  }

  /** A view of the key. */
  keyAt(ref: number): Buffer {
    const at = offsetOf(ref) + 2
    return this.#chunkOf(ref).bytes.subarray(at, at + KEY_BYTES)
  }

  /** A view of the record. */
  recordAt(ref: number): Buffer {
    const { bytes } = this.#chunkOf(ref)
    const at = offsetOf(ref)
    return bytes.subarray(at + RECORD_AT, at + RECORD_AT + bytes.readUInt16LE(at))
  }

  /** The ref of the record that begins at `offset` of `chunk`, and where the next one begins. */
  refIn(chunk: Chunk, offset: number): { readonly ref: number; readonly next: number } {
    return { ref: chunk.slot * (OFFSET_MASK + 1) + offset / 4, next: nextRecordAt(chunk.bytes, offset) }
  }

  /** Frees a chunk into which no ref is left. */
  drop(chunk: Chunk): void {
    this.#chunks = this.#chunks.filter((other) => other !== chunk)
    this.#bySlot[chunk.slot] = undefined
    this.#freeSlots.push(chunk.slot)
  }

  #begin(): Chunk | undefined {
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length
    if (slot >= MAX_CHUNKS) return undefined
    // Zeroed memory comes from the kernel untouched: a chunk is resident only as far as it is filled.
    const chunk: Chunk = { slot, bytes: Buffer.from(new ArrayBuffer(CHUNK_BYTES)), usedBytes: 0, records: 0, lastExpiryMs: 0 }
    this.#bySlot[slot] = chunk
    this.#chunks.push(chunk)
    return chunk
  }

  #chunkOf(ref: number): Chunk {
    return this.#bySlot[ref >>> CHUNK_SHIFT] as Chunk
  }
}

/** Where the record behind the one at `at` begins. */
export function nextRecordAt(bytes: Buffer, at: number): number {
  return aligned(at + RECORD_AT + bytes.readUInt16LE(at))
}

/** Calls `visit` with views of each record in `bytes`, which is a chunk's content. @returns how many. */
export function forEachRecord(bytes: Buffer, visit: (key: Buffer, record: Buffer) => void): number {
  let count = 0
  for (let at = 0; at < bytes.length; at = nextRecordAt(bytes, at)) {
    const recordAt = at + RECORD_AT
    visit(bytes.subarray(at + 2, recordAt), bytes.subarray(recordAt, recordAt + bytes.readUInt16LE(at)))
    count++
  }
  return count
}

function aligned(at: number): number {
  return (at + 3) & ~3
}

function offsetOf(ref: number): number {
  return (ref & OFFSET_MASK) * 4
}
