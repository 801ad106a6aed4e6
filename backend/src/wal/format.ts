/**
 * The bytes of a segment file: a header, then frames. Pure; the layout with a worked example is in docs/wal-format.md.
 *
 * A frame's checksum starts from a value that depends on its segment and offset, so bytes of another place (a misdirected write, a
 * frame inside somebody's request body) are never taken for a frame. Each frame also names the offset where its group began, which
 * is how far the file was durable when it was written: that is how recovery tells a torn tail from damage.
 */

import { MAX_POD_BYTES } from '@fractal-lba/protocol/records/record'
import { crc32c } from '@node-rs/crc32'
import type { Settlement, WalPosition } from './port.ts'

const MAGIC = Buffer.from('FLKWAL\r\n', 'latin1')
const FORMAT_VERSION = 1

/** Magic, version, pod length, segment, previous bytes, created; behind them the pod's name and the checksum. */
const HEADER_FIXED_BYTES = 28

/** length u32, crc32c u32, group u32, type u8. */
export const FRAME_HEADER_BYTES = 13
export const FRAME_ENTRY = 1
export const FRAME_SETTLED = 2

/** Upper bound of what one sync writes, and so of one frame and of a torn tail. */
export const MAX_GROUP_BYTES = 16 * 1024 * 1024

/** receivedAtMs f64, tenant length u16. */
const ENTRY_FIXED_BYTES = 10
/** segment u32, offset u32, result u8, key length u8, record length u16. */
const SETTLEMENT_FIXED_BYTES = 12
const MAX_KEY_BYTES = 0xff
const MAX_RECORD_BYTES = 0xffff

const RESULTS = ['won', 'lost', 'equivocation', 'refused'] as const
const RESULT_CODES: Readonly<Record<Settlement['result'], number>> = { won: 0, lost: 1, equivocation: 2, refused: 3 }

export interface SegmentHeader {
  readonly pod: string
  readonly segment: number
  /** How long the segment before was when it was closed, so that a lost end of it is noticed; 0 for the first one. */
  readonly previousBytes: number
  readonly createdAtMs: number
}

/** A header as read, with what is needed to check the frames behind it. */
export interface DecodedHeader extends SegmentHeader {
  readonly bytes: number
  readonly checksum: number
}

/** One letter of a pod's name: no header is shorter. */
export const SHORTEST_HEADER_BYTES = HEADER_FIXED_BYTES + 1 + 4

export function headerBytes(pod: string): number {
  return HEADER_FIXED_BYTES + Buffer.byteLength(pod) + 4
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const podBytes = Buffer.byteLength(header.pod)
  if (podBytes === 0 || podBytes > MAX_POD_BYTES)
    throw new RangeError(`pod name '${header.pod}' must have 1 to ${MAX_POD_BYTES} bytes`)
  const buffer = Buffer.alloc(HEADER_FIXED_BYTES + podBytes + 4)
  MAGIC.copy(buffer, 0)
  buffer.writeUInt16LE(FORMAT_VERSION, 8)
  buffer.writeUInt16LE(podBytes, 10)
  buffer.writeUInt32LE(header.segment, 12)
  buffer.writeUInt32LE(header.previousBytes, 16)
  buffer.writeDoubleLE(header.createdAtMs, 20)
  buffer.write(header.pod, HEADER_FIXED_BYTES)
  buffer.writeUInt32LE(crc32c(buffer.subarray(0, buffer.length - 4)), buffer.length - 4)
  return buffer
}

/** @returns why not, as a text, when `buffer` does not start with a whole and sound header. */
export function decodeHeader(buffer: Buffer): DecodedHeader | string {
  if (buffer.length < HEADER_FIXED_BYTES) return `has ${buffer.length} bytes, fewer than a header`
  if (buffer.compare(MAGIC, 0, 8, 0, 8) !== 0) return 'does not begin with the mark of a WAL segment'
  const podBytes = buffer.readUInt16LE(10)
  const bytes = HEADER_FIXED_BYTES + podBytes + 4
  if (buffer.length < bytes) return `has ${buffer.length} bytes, fewer than its header of ${bytes}`
  const checksum = buffer.readUInt32LE(bytes - 4)
  if (crc32c(buffer.subarray(0, bytes - 4)) !== checksum) return 'has a header whose checksum is wrong'
  const version = buffer.readUInt16LE(8)
  if (version !== FORMAT_VERSION) return `has format version ${version}; this program knows version ${FORMAT_VERSION}`
  return {
    pod: buffer.toString('utf8', HEADER_FIXED_BYTES, bytes - 4),
    segment: buffer.readUInt32LE(12),
    previousBytes: buffer.readUInt32LE(16),
    createdAtMs: buffer.readDoubleLE(20),
    bytes,
    checksum,
  }
}

/** The checksum's initial value of the frame at `offset` of the segment whose header has `headerChecksum`. */
export function frameSeed(headerChecksum: number, offset: number): number {
  return (headerChecksum ^ offset) >>> 0
}

/** Writes the frame header at `at` around a payload that already stands behind it. */
export function sealFrame(
  buffer: Buffer,
  at: number,
  payloadBytes: number,
  type: number,
  groupOffset: number,
  seed: number,
): void {
  buffer.writeUInt32LE(payloadBytes, at)
  buffer.writeUInt32LE(groupOffset, at + 8)
  buffer[at + 12] = type
  buffer.writeUInt32LE(crc32c(buffer.subarray(at + 8, at + FRAME_HEADER_BYTES + payloadBytes), seed), at + 4)
}

/** Whether a sound frame stands at `at`; `offset` is where that is in the segment. Only bytes before `end` count. */
export function isFrameAt(buffer: Buffer, at: number, end: number, offset: number, headerChecksum: number): boolean {
  if (end - at < FRAME_HEADER_BYTES) return false
  const type = buffer[at + 12]
  if (type !== FRAME_ENTRY && type !== FRAME_SETTLED) return false
  const frameEnd = at + FRAME_HEADER_BYTES + buffer.readUInt32LE(at)
  if (frameEnd > end || buffer.readUInt32LE(at + 8) > offset) return false
  return crc32c(buffer.subarray(at + 8, frameEnd), frameSeed(headerChecksum, offset)) === buffer.readUInt32LE(at + 4)
}

/** Upper bound; exact for a tenant name in ASCII. */
export function entryBytes(tenant: string, body: Uint8Array): number {
  return ENTRY_FIXED_BYTES + 3 * tenant.length + body.length
}

/** @returns bytes written at `at`. */
export function encodeEntry(buffer: Buffer, at: number, receivedAtMs: number, tenant: string, body: Uint8Array): number {
  buffer.writeDoubleLE(receivedAtMs, at)
  const tenantBytes = buffer.write(tenant, at + ENTRY_FIXED_BYTES)
  buffer.writeUInt16LE(tenantBytes, at + 8)
  const bodyAt = at + ENTRY_FIXED_BYTES + tenantBytes
  buffer.set(body, bodyAt)
  return bodyAt + body.length - at
}

/** The body is a copy, so that the caller may keep it. */
export function decodeEntry(payload: Buffer): { receivedAtMs: number; tenant: string; body: Buffer } {
  const bodyAt = ENTRY_FIXED_BYTES + payload.readUInt16LE(8)
  return {
    receivedAtMs: payload.readDoubleLE(0),
    tenant: payload.toString('utf8', ENTRY_FIXED_BYTES, bodyAt),
    body: Buffer.from(payload.subarray(bodyAt)),
  }
}

export function settlementBytes(settlement: Settlement): number {
  return SETTLEMENT_FIXED_BYTES + (settlement.key?.length ?? 0) + (settlement.record?.length ?? 0)
}

/** @returns bytes written at `at`. A settlement has no key exactly when it has no bytes of one; the same holds for the record. */
export function encodeSettlement(buffer: Buffer, at: number, settlement: Settlement): number {
  const { key, record } = settlement
  const keyBytes = key?.length ?? 0
  const recordBytes = record?.length ?? 0
  if (keyBytes > MAX_KEY_BYTES || recordBytes > MAX_RECORD_BYTES)
    throw new RangeError(`a key of ${keyBytes} or a record of ${recordBytes} bytes is too long`)
  buffer.writeUInt32LE(settlement.position.segment, at)
  buffer.writeUInt32LE(settlement.position.offset, at + 4)
  buffer[at + 8] = RESULT_CODES[settlement.result]
  buffer[at + 9] = keyBytes
  buffer.writeUInt16LE(recordBytes, at + 10)
  if (key !== undefined) buffer.set(key, at + SETTLEMENT_FIXED_BYTES)
  if (record !== undefined) buffer.set(record, at + SETTLEMENT_FIXED_BYTES + keyBytes)
  return SETTLEMENT_FIXED_BYTES + keyBytes + recordBytes
}

/** Key and record are views of `payload`: valid only as long as it is. @returns undefined for a payload that makes no sense. */
export function decodeSettlements(payload: Buffer): Settlement[] | undefined {
  const settlements: Settlement[] = []
  let at = 0
  while (at < payload.length) {
    if (payload.length - at < SETTLEMENT_FIXED_BYTES) return undefined
    const result = RESULTS[payload[at + 8] as number]
    const keyAt = at + SETTLEMENT_FIXED_BYTES
    const recordAt = keyAt + (payload[at + 9] as number)
    const end = recordAt + payload.readUInt16LE(at + 10)
    if (result === undefined || end > payload.length) return undefined
    const position: WalPosition = { segment: payload.readUInt32LE(at), offset: payload.readUInt32LE(at + 4) }
    const key = recordAt > keyAt ? payload.subarray(keyAt, recordAt) : undefined
    const record = end > recordAt ? payload.subarray(recordAt, end) : undefined
    settlements.push({ position, result, key, record })
    at = end
  }
  return settlements
}

/** Whether an entry frame's payload is long enough for what it declares. */
export function isEntryPayload(payload: Buffer): boolean {
  return payload.length >= ENTRY_FIXED_BYTES && payload.length >= ENTRY_FIXED_BYTES + payload.readUInt16LE(8)
}
