/**
 * The frames of a payload, as the apply script takes them apart: one for each slot,
 *
 *   0  u8   'd': a dump, 'r': records      1  u16  slot      3  u32  bytes that follow      7  the content
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'

/**
 * The dump format (RDB version) of Redis 7.0, the oldest server we support. A dump is read by servers of its own format or a newer one; one
 * of this format is read by every shard.
 */
const OLDEST_DUMP_FORMAT = 10
/** A dump ends in its format (u16, little-endian) and a checksum of 8 bytes. */
const FORMAT_FROM_END = 10

export function isPortable(dump: Buffer): boolean {
  return dump.readUInt16LE(dump.length - FORMAT_FROM_END) <= OLDEST_DUMP_FORMAT
}

export function dumpFrame(slot: SlotId, dump: Buffer): Buffer[] {
  return frame('d', slot, dump)
}

export function recordsFrame(slot: SlotId, records: Buffer): Buffer[] {
  return frame('r', slot, records)
}

function frame(kind: 'd' | 'r', slot: SlotId, content: Buffer): Buffer[] {
  const head = Buffer.allocUnsafe(7)
  head.writeUInt8(kind.charCodeAt(0), 0)
  head.writeUInt16BE(slot, 1)
  head.writeUInt32BE(content.length, 3)
  return [head, content]
}
