/**
 * Deletes segments that nobody needs any more. Always the oldest first and never out of order: settlements of a segment's entries may
 * stand in later ones, so removing a later one first would make settled entries look unsettled.
 */
import type { WalFiles } from './files.ts'
import type { SegmentLedger } from './ledger.ts'
import { listSegments } from './segment.ts'

/** As long as a decision lives: within it a segment is evidence for one that can still be asked for. */
export const RETENTION_MS = 14 * 24 * 60 * 60 * 1000

export interface RetentionLimits {
  readonly nowMs: number
  /** Segments from this one on are needed by someone (a snapshot that does not cover them, a replica that lags). */
  readonly keepFrom: number
}

/** @returns the numbers of the deleted segments. The segment `current` and later ones stay, so that numbers are never used again. */
export async function deleteOldSegments(
  disk: WalFiles,
  dir: string,
  ledger: SegmentLedger,
  current: number,
  limits: RetentionLimits,
): Promise<number[]> {
  const deleted: number[] = []
  const files = await listSegments(dir, disk)
  for (const { segment, path } of files.slice(0, -1)) {
    const isOld = ledger.newestMs(segment) <= limits.nowMs - RETENTION_MS
    if (segment >= current || segment >= limits.keepFrom || !isOld || !ledger.isSettled(segment)) break
    await disk.remove(path)
    ledger.forget(segment)
    deleted.push(segment)
  }
  if (deleted.length > 0) await disk.syncDirectory(dir)
  return deleted
}
