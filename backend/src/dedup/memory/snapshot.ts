/**
 * The memory store on disk: a start reads it instead of the whole log. It is written while puts go on, into a temporary file that takes
 * the place of the former one only when it is complete and synced, so there is always one whole snapshot or none.
 *
 * File: magic (8 bytes), version u16, zero u16, coversBelow u32, takenAtMs f64, checksum u32 of these; then blocks of length u32,
 * checksum u32, that many bytes of records as in an arena chunk; a block of length 0 ends it and has the count of records (f64) behind it.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { CHUNK_BYTES, forEachRecord } from './arena.ts'
import type { MemoryStore } from './memory-store.ts'

const MAGIC = Buffer.from('FLKMEM\r\n', 'latin1')
const VERSION = 1
const HEADER_BYTES = 28
const BLOCK_HEADER_BYTES = 8
const END_BYTES = 8

export interface SnapshotInfo {
  /** Every decision settled in a WAL segment below this one is in the snapshot. */
  readonly coversBelow: number
  readonly takenAtMs: number
  readonly records: number
}

/** A snapshot that cannot be used. */
export class BadSnapshot extends Error {
  override readonly name = 'BadSnapshot'

  constructor(path: string, problem: string) {
    super(
      `The snapshot ${path} cannot be trusted: ${problem}. Move it away: the store is then rebuilt from the write-ahead log alone, which keeps 14 days.`,
    )
  }
}

/**
 * @param coversBelow the WAL's `currentSegment`, read in the same turn of the event loop as this is called.
 */
export async function writeSnapshot(
  store: MemoryStore,
  path: string,
  coversBelow: number,
  takenAtMs: number,
): Promise<SnapshotInfo> {
  // Taken before anything is awaited: chunks are only appended to, so this is the store of this instant.
  const prefix = store.chunks.map((chunk) => chunk.bytes.subarray(0, chunk.usedBytes))
  const records = store.chunks.reduce((sum, chunk) => sum + chunk.records, 0)
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w', 0o640)
  try {
    await file.writeFile(encodeHeader(coversBelow, takenAtMs))
    for (const bytes of prefix) {
      if (bytes.length === 0) continue
      await file.writeFile(encodeBlockHeader(bytes.length, crc32c(bytes)))
      await file.writeFile(bytes)
    }
    const end = Buffer.alloc(END_BYTES)
    end.writeDoubleLE(records, 0)
    await file.writeFile(Buffer.concat([encodeBlockHeader(0, crc32c(end)), end]))
    await file.sync()
  } catch (error) {
    await file.close()
    await unlink(temporary)
    throw error
  }
  await file.close()
  await rename(temporary, path)
  await syncDirectoryOf(path)
  return { coversBelow, takenAtMs, records }
}

/** Fills `store` from `path`. @returns undefined when there is no snapshot. @throws BadSnapshot */
export async function readSnapshot(store: MemoryStore, path: string): Promise<SnapshotInfo | undefined> {
  const file = await openIfPresent(path)
  if (file === undefined) return undefined
  try {
    const { coversBelow, takenAtMs } = decodeHeader(path, await readExactly(file, HEADER_BYTES, path))
    let records = 0
    for (;;) {
      const head = await readExactly(file, BLOCK_HEADER_BYTES, path)
      const length = head.readUInt32LE(0)
      if (length > CHUNK_BYTES) throw new BadSnapshot(path, `it has a block of ${length} bytes`)
      const bytes = await readExactly(file, length === 0 ? END_BYTES : length, path)
      if (crc32c(bytes) !== head.readUInt32LE(4)) throw new BadSnapshot(path, 'the checksum of a block is wrong')
      if (length > 0) records += forEachRecord(bytes, (key, record) => store.restore(key, record))
      else if (bytes.readDoubleLE(0) !== records)
        throw new BadSnapshot(path, `it has ${records} records and claims ${bytes.readDoubleLE(0)}`)
      else return { coversBelow, takenAtMs, records }
    }
  } finally {
    await file.close()
  }
}

function encodeHeader(coversBelow: number, takenAtMs: number): Buffer {
  const buffer = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(buffer, 0)
  buffer.writeUInt16LE(VERSION, 8)
  buffer.writeUInt32LE(coversBelow, 12)
  buffer.writeDoubleLE(takenAtMs, 16)
  buffer.writeUInt32LE(crc32c(buffer.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4)
  return buffer
}

function decodeHeader(path: string, buffer: Buffer): { coversBelow: number; takenAtMs: number } {
  if (buffer.compare(MAGIC, 0, 8, 0, 8) !== 0) throw new BadSnapshot(path, 'it does not begin with the mark of a snapshot')
  if (crc32c(buffer.subarray(0, HEADER_BYTES - 4)) !== buffer.readUInt32LE(HEADER_BYTES - 4))
    throw new BadSnapshot(path, 'the checksum of its header is wrong')
  const version = buffer.readUInt16LE(8)
  if (version !== VERSION) throw new BadSnapshot(path, `it has version ${version}; this program knows version ${VERSION}`)
  return { coversBelow: buffer.readUInt32LE(12), takenAtMs: buffer.readDoubleLE(16) }
}

function encodeBlockHeader(length: number, checksum: number): Buffer {
  const buffer = Buffer.alloc(BLOCK_HEADER_BYTES)
  buffer.writeUInt32LE(length, 0)
  buffer.writeUInt32LE(checksum, 4)
  return buffer
}

async function readExactly(file: FileHandle, bytes: number, path: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  let filled = 0
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled)
    if (bytesRead === 0) throw new BadSnapshot(path, 'it ends too early')
    filled += bytesRead
  }
  return buffer
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes the rename durable. */
async function syncDirectoryOf(path: string): Promise<void> {
  const handle = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
