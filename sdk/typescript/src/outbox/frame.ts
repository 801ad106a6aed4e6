/**
 * The outbox file, byte by byte. Eight bytes `FLBAOB1\n`, then frames: payload length (4 bytes, big-endian), CRC-32 of the payload
 * (4 bytes, as in zlib), payload. A payload is its kind (1 byte: 1 entry, 2 settled), the entry's number (6 bytes), and for an
 * entry the body to send. Numbers rise; a settled frame follows its entry.
 */
import { crc32 } from 'node:zlib'

export const MAGIC: Buffer = Buffer.from('FLBAOB1\n', 'latin1')
export const FRAME_OVERHEAD = 15

const HEADER = 8
const PREFIX = 7
const ENTRY = 1
const SETTLED = 2
/** A length beyond this is not one. */
const MAX_PAYLOAD = 16 * 1024 * 1024

export type Frame =
  | { readonly kind: 'entry'; readonly seq: number; readonly body: Buffer }
  | { readonly kind: 'settled'; readonly seq: number }

export function entryFrame(seq: number, body: Buffer): Buffer {
  return frameOf(ENTRY, seq, body)
}

export function settledFrame(seq: number): Buffer {
  return frameOf(SETTLED, seq, Buffer.alloc(0))
}

function frameOf(kind: number, seq: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + PREFIX + body.length)
  frame[HEADER] = kind
  frame.writeUIntBE(seq, HEADER + 1, 6)
  frame.set(body, HEADER + PREFIX)
  frame.writeUInt32BE(PREFIX + body.length, 0)
  frame.writeUInt32BE(crc32(frame.subarray(HEADER)), 4)
  return frame
}

/** The frame at `at`, or why there is none: the bytes end inside it, or they are not a frame. */
export function readFrame(bytes: Buffer, at: number): { frame: Frame; next: number } | { fault: 'short' | 'bad' } {
  if (bytes.length - at < HEADER) return { fault: 'short' }
  const length = bytes.readUInt32BE(at)
  if (length < PREFIX || length > MAX_PAYLOAD) return { fault: 'bad' }
  const next = at + HEADER + length
  if (bytes.length < next) return { fault: 'short' }
  const payload = bytes.subarray(at + HEADER, next)
  if (crc32(payload) !== bytes.readUInt32BE(at + 4)) return { fault: 'bad' }
  const seq = payload.readUIntBE(1, 6)
  if (payload[0] === ENTRY) return { frame: { kind: 'entry', seq, body: Buffer.from(payload.subarray(PREFIX)) }, next }
  if (payload[0] === SETTLED && length === PREFIX) return { frame: { kind: 'settled', seq }, next }
  return { fault: 'bad' }
}
