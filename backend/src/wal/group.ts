/**
 * What one write puts on disk: frames laid out one behind the other in one buffer, with the entries to be told when they are durable.
 * Every offset is known when a frame is added, because groups are written in order and a failed one ends its segment.
 */
import {
  encodeEntry,
  encodeHeader,
  encodeSettlement,
  entryBytes,
  FRAME_ENTRY,
  FRAME_HEADER_BYTES,
  FRAME_SETTLED,
  frameSeed,
  MAX_GROUP_BYTES,
  type SegmentHeader,
  sealFrame,
  settlementBytes,
} from './format.ts'
import type { DurableEntry, Settlement, WalEntry } from './port.ts'

const INITIAL_BUFFER_BYTES = 256 * 1024
/** Buffers that grew beyond this are not kept for reuse. */
const REUSED_BUFFER_BYTES = 4 * 1024 * 1024
const REUSED_BUFFERS = 3

/** The segment that a group belongs to. */
export interface GroupSegment {
  readonly header: SegmentHeader
  readonly headerChecksum: number
}

export class Group<T> {
  readonly segment: GroupSegment
  /** Where in the segment the group begins. */
  readonly offset: number
  entries: DurableEntry<T>[] = []
  settlements: Settlement[] = []
  buffer: Buffer
  usedBytes = 0

  constructor(segment: GroupSegment, offset: number, buffer: Buffer) {
    this.segment = segment
    this.offset = offset
    this.buffer = buffer
  }

  get endOffset(): number {
    return this.offset + this.usedBytes
  }

  /** Whether a frame with a payload of at most `payloadBytes` still fits into what one write may carry. */
  hasRoomFor(payloadBytes: number): boolean {
    return this.usedBytes + FRAME_HEADER_BYTES + payloadBytes <= MAX_GROUP_BYTES
  }

  addHeader(): void {
    const header = encodeHeader(this.segment.header)
    this.#reserve(header.length)
    this.buffer.set(header, this.usedBytes)
    this.usedBytes += header.length
  }

  addEntry(entry: WalEntry<T>): void {
    this.#reserve(FRAME_HEADER_BYTES + entryBytes(entry.tenant, entry.body))
    const at = this.usedBytes
    const { tenant, body, receivedAtMs, context } = entry
    const offset = this.offset + at
    this.#seal(at, encodeEntry(this.buffer, at + FRAME_HEADER_BYTES, receivedAtMs, tenant, body), FRAME_ENTRY)
    this.entries.push({ tenant, body, receivedAtMs, context, position: { segment: this.segment.header.segment, offset } })
  }

  /** Adds `settlements[from...]` as one frame, as many as fit. @returns how many. */
  addSettlements(settlements: readonly Settlement[], from: number): number {
    let payloadBytes = 0
    let to = from
    for (; to < settlements.length; to++) {
      const bytes = settlementBytes(settlements[to] as Settlement)
      if (!this.hasRoomFor(payloadBytes + bytes)) break
      payloadBytes += bytes
    }
    if (to === from) return 0
    this.#reserve(FRAME_HEADER_BYTES + payloadBytes)
    const at = this.usedBytes
    let cursor = at + FRAME_HEADER_BYTES
    for (let index = from; index < to; index++) {
      const settlement = settlements[index] as Settlement
      cursor += encodeSettlement(this.buffer, cursor, settlement)
      this.settlements.push(settlement)
    }
    this.#seal(at, payloadBytes, FRAME_SETTLED)
    return to - from
  }

  #seal(at: number, payloadBytes: number, type: number): void {
    sealFrame(this.buffer, at, payloadBytes, type, this.offset, frameSeed(this.segment.headerChecksum, this.offset + at))
    this.usedBytes = at + FRAME_HEADER_BYTES + payloadBytes
  }

  #reserve(bytes: number): void {
    const needed = this.usedBytes + bytes
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.buffer.length))
    this.buffer.copy(grown, 0, 0, this.usedBytes)
    this.buffer = grown
  }
}

/** Buffers of written groups, for the next ones. */
export class GroupBuffers {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(INITIAL_BUFFER_BYTES)
  }

  giveBack(buffer: Buffer): void {
    if (this.#free.length < REUSED_BUFFERS && buffer.length <= REUSED_BUFFER_BYTES) this.#free.push(buffer)
  }
}
