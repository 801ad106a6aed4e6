/**
 * Records as they travel to a shard's program in one argument: for each one
 *
 *   0   u16  bytes of the record     2   key (32 bytes)     34  u64  expiry in ms     42  the record
 *
 * All numbers big-endian. The Lua and SQL programs read the same layout.
 */
import { KEY_BYTES } from '@fractal-lba/protocol/ring/slots'
import type { Put } from './port.ts'

export interface PackedRecord {
  readonly key: Buffer
  readonly record: Buffer
  readonly expiresAtMs: number
}

const HEAD_BYTES = 2 + KEY_BYTES + 8
const MAX_RECORD_BYTES = 1024

export function packRecords(records: readonly PackedRecord[]): Buffer {
  let bytes = 0
  for (const { record } of records) bytes += HEAD_BYTES + record.length
  const packed = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const { key, record, expiresAtMs } of records) {
    packed.writeUInt16BE(record.length, at)
    packed.set(key, at + 2)
    // Two halves: writeBigUInt64BE costs a BigInt a record.
    packed.writeUInt32BE(Math.floor(expiresAtMs / 0x1_0000_0000), at + 34)
    packed.writeUInt32BE(expiresAtMs % 0x1_0000_0000, at + 38)
    packed.set(record, at + HEAD_BYTES)
    at += HEAD_BYTES + record.length
  }
  return packed
}

export function unpackRecords(packed: Buffer): PackedRecord[] {
  const records: PackedRecord[] = []
  for (let at = 0; at < packed.length; ) {
    const end = at + HEAD_BYTES + packed.readUInt16BE(at)
    records.push({
      key: packed.subarray(at + 2, at + 34),
      expiresAtMs: packed.readUInt32BE(at + 34) * 0x1_0000_0000 + packed.readUInt32BE(at + 38),
      record: packed.subarray(at + HEAD_BYTES, end),
    })
    at = end
  }
  return records
}

/** @throws RangeError for what no shard may be given: it would be stored under another key, or break the layout. */
export function checkPuts(puts: readonly Put[]): void {
  for (const { key, record, expiresAtMs } of puts) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`)
    if (record.length > MAX_RECORD_BYTES)
      throw new RangeError(`a record has at most ${MAX_RECORD_BYTES} bytes, not ${record.length}`)
    if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0)
      throw new RangeError(`expiry ${expiresAtMs} is not a time in milliseconds`)
  }
}
