/**
 * Tells the tail of an interrupted write from damage, at the end of the last segment. Whatever was synced may have been acknowledged
 * and must never be cut off; whatever was not was promised to nobody.
 *
 * A tail is torn when no sound frame stands behind its first bad byte. Sound frames behind it are excused only if they were written by
 * the same write (their group began no later) and the bad stretch has a whole sector of zeros: a disk that lost power may have written
 * the later sectors of one write and not the earlier ones, which then read as zeros. Changed bytes never look like that.
 */
import { open } from 'node:fs/promises'
import { FRAME_HEADER_BYTES, isFrameAt, MAX_GROUP_BYTES } from './format.ts'

const SECTOR_BYTES = 512

/** @returns undefined for a torn tail, else what is wrong. */
export async function whyNotTorn(
  path: string,
  sizeBytes: number,
  badOffset: number,
  headerChecksum: number,
): Promise<string | undefined> {
  if (sizeBytes - badOffset > MAX_GROUP_BYTES)
    return `${sizeBytes - badOffset} bytes follow, more than one write can leave behind`
  const tail = await readTail(path, badOffset, sizeBytes)
  for (let at = 1; at + FRAME_HEADER_BYTES <= tail.length; at++) {
    if (!isFrameAt(tail, at, tail.length, badOffset + at, headerChecksum)) continue
    const groupOffset = tail.readUInt32LE(at + 8)
    if (groupOffset > badOffset) return `a sound record of a later write follows at offset ${badOffset + at}`
    if (!hasEmptySector(tail, badOffset, at)) return `a sound record follows at offset ${badOffset + at}`
    return undefined
  }
  return undefined
}

/** Whether a segment whose header is bad was never written: too short for one, or its first sector reads as zeros. */
export async function isUnwrittenStart(path: string, sizeBytes: number, shortestHeaderBytes: number): Promise<boolean> {
  if (sizeBytes < shortestHeaderBytes) return true
  if (sizeBytes > MAX_GROUP_BYTES) return false
  const start = await readTail(path, 0, Math.min(sizeBytes, SECTOR_BYTES))
  return start.every((byte) => byte === 0)
}

async function readTail(path: string, from: number, to: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(to - from)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
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
