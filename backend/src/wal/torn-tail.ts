/**
 * Tells the tail of an interrupted write from damage, at the end of the last segment. Whatever was synced may have been acknowledged
 * and must never be cut off; whatever was not was promised to nobody.
 *
 * A tail is torn when no sound frame stands behind its first bad byte. Sound frames behind it are excused only if they were written by
 * the same write (their group began no later) and the bad stretch has a whole sector of zeros: a disk that lost power may have written
 * the later sectors of one write and not the earlier ones, which then read as zeros. Changed bytes never look like that. Of the sector in
 * which the write began only the rest can be missing: a record's header in it, all zeros, tells it.
 */
import type { WalFiles } from './files.ts'
import { FRAME_HEADER_BYTES, isFrameAt, MAX_GROUP_BYTES } from './format.ts'
import type { BadEnd } from './read-frames.ts'

const SECTOR_BYTES = 512

/**
 * @param headerChecksum of the segment's header; undefined when that is not sound
 * @param ownHeaderBytes how long the header of this log's segments is
 * @returns undefined for a torn tail, else why it is none.
 */
export async function whyNotTorn(
  disk: WalFiles,
  path: string,
  end: BadEnd,
  headerChecksum: number | undefined,
  ownHeaderBytes: number,
): Promise<string | undefined> {
  if (end.kind === 'headless' || headerChecksum === undefined) return whyNotUnwritten(disk, path, end.sizeBytes, ownHeaderBytes)
  const badOffset = end.offset
  const tailBytes = Math.max(0, end.sizeBytes - badOffset)
  if (end.senseless) return 'its checksum is right'
  if (tailBytes > MAX_GROUP_BYTES) return `${tailBytes} bytes follow, more than one write can leave behind`
  const tail = await readRange(disk, path, badOffset, badOffset + tailBytes)
  // Sound by now: it was being written when it was read (a log may be read while its pod runs).
  if (isFrameAt(tail, 0, tail.length, badOffset, headerChecksum)) return undefined
  let soundAt: number | undefined
  for (let at = 1; at + FRAME_HEADER_BYTES <= tail.length; ) {
    if (!isFrameAt(tail, at, tail.length, badOffset + at, headerChecksum)) {
      at++
      continue
    }
    if (tail.readUInt32LE(at + 8) > badOffset) return `a sound record of a later write follows at offset ${badOffset + at}`
    soundAt ??= at
    at += FRAME_HEADER_BYTES + tail.readUInt32LE(at)
  }
  if (soundAt === undefined || hasEmptySector(tail, badOffset, soundAt)) return undefined
  if (tail.readUInt32LE(soundAt + 8) === badOffset && lacksFirstSector(tail, badOffset, soundAt)) return undefined
  return `a sound record follows at offset ${badOffset + soundAt}`
}

/** A segment without a sound header was never written if it is too short for one, or if its first sector reads as zeros. */
async function whyNotUnwritten(
  disk: WalFiles,
  path: string,
  sizeBytes: number,
  ownHeaderBytes: number,
): Promise<string | undefined> {
  if (sizeBytes < ownHeaderBytes) return undefined
  if (sizeBytes > MAX_GROUP_BYTES) return `the file has ${sizeBytes} bytes, more than one write can leave behind`
  const start = await readRange(disk, path, 0, Math.min(sizeBytes, SECTOR_BYTES))
  return start.every((byte) => byte === 0) ? undefined : 'something was written where the header belongs'
}

async function readRange(disk: WalFiles, path: string, from: number, to: number): Promise<Buffer> {
  const file = await disk.open(path)
  try {
    const buffer = Buffer.alloc(to - from)
    return buffer.subarray(0, await file.read(buffer, 0, buffer.length, from))
  } finally {
    await file.close()
  }
}

/** Whether `tail[0, end)`, which begins at `fileOffset` of the file, holds a whole sector of zeros. */
function hasEmptySector(tail: Buffer, fileOffset: number, end: number): boolean {
  const first = (SECTOR_BYTES - (fileOffset % SECTOR_BYTES)) % SECTOR_BYTES
  for (let at = first; at + SECTOR_BYTES <= end; at += SECTOR_BYTES) {
    if (tail.subarray(at, at + SECTOR_BYTES).every((byte) => byte === 0)) return true
  }
  return false
}

/** Whether the rest of the sector in which the write began was never written: zeros from its first byte on, for a record's header at least. */
function lacksFirstSector(tail: Buffer, fileOffset: number, end: number): boolean {
  const rest = SECTOR_BYTES - (fileOffset % SECTOR_BYTES)
  return rest >= FRAME_HEADER_BYTES && rest <= end && tail.subarray(0, rest).every((byte) => byte === 0)
}
