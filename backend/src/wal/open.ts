/** Opens a WAL_DIR: takes its lock, recovers, and starts a log that goes on in a new segment. */
import { dirname, resolve } from 'node:path'
import type { WalFiles } from './files.ts'
import { encodeHeader } from './format.ts'
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts'
import { NODE_FILES } from './node-files.ts'
import type { Recovered, Wal } from './port.ts'
import { type OnRecoveredSettlements, recoverLog } from './recover.ts'
import { readUnsettled } from './replay.ts'
import { deleteOldSegments, type RetentionLimits } from './retention.ts'

export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024
/** Offsets are 32 bits wide, and a segment may exceed its size by one frame of settlements. */
const MAX_SEGMENT_BYTES = 1024 * 1024 * 1024
/** Numbers of a new directory begin at the seconds since then. */
const NUMBERING_EPOCH_MS = Date.UTC(2025, 0, 1)

export interface WalOptions<T>
  extends Omit<GroupCommitOptions<T>, 'lastSegment' | 'backlogEntries' | 'ledger' | 'files' | 'onClosed'> {
  /** The machine's own where not given. */
  readonly files?: WalFiles
  /**
   * Called while opening, with every settlement in the log, in log order; views that are valid only during the call. This is what the
   * memory store is rebuilt from.
   */
  readonly onRecoveredSettlements?: OnRecoveredSettlements
}

export interface OpenedWal<T> {
  readonly wal: Wal<T>
  readonly recovered: Recovered
  /** Deletes old segments that are settled and that nobody needs. @returns their numbers. Call it now and then. */
  deleteOldSegments(limits: RetentionLimits): Promise<readonly number[]>
}

/**
 * @throws BadRecoveryReport when the log is damaged, DirectoryInUse when another process has it: print the message and exit.
 *
 * A new directory does not begin at segment 1 but at a number made from the clock. A position is an entry's identity in the stores
 * (`origin`), and a pod that lost its disk would otherwise take decisions of its former life for its own.
 */
export async function openWal<T>(options: WalOptions<T>): Promise<OpenedWal<T>> {
  const { dir, pod, segmentBytes, clock, files = NODE_FILES } = options
  if (segmentBytes < 1 || segmentBytes > MAX_SEGMENT_BYTES) throw new RangeError(`a segment cannot have ${segmentBytes} bytes`)
  encodeHeader({ pod, segment: 0, previousBytes: 0, createdAtMs: 0 })
  const created = await files.makeDirectory(dir)
  const unlock = files.lock(dir)
  try {
    const log = await recoverLog(files, dir, pod, options.onRecoveredSettlements ?? (() => {}))
    if (log.files.length === 0) await syncParents(files, resolve(dir), created)
    const last = log.files.at(-1)?.segment ?? Math.max(1, Math.floor((clock.nowMs() - NUMBERING_EPOCH_MS) / 1000)) - 1
    const commit = new GroupCommit<T>({
      ...options,
      files,
      lastSegment: { segment: last, bytes: log.lastBytes },
      backlogEntries: log.unsettledEntries,
      ledger: log.ledger,
      onClosed: unlock,
    })
    return {
      wal: commit,
      recovered: {
        unsettled: readUnsettled(files, log.files, log.unsettled),
        unsettledEntries: log.unsettledEntries,
        tornBytes: log.tornBytes,
        segments: log.files.length,
        entries: log.entries,
      },
      deleteOldSegments: (limits) => deleteOldSegments(files, dir, log.ledger, commit.currentSegment, limits),
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Makes the directory itself, and those made on the way to it, survive a power cut. Not needed once it holds a segment. */
async function syncParents(files: WalFiles, dir: string, firstCreated: string | undefined): Promise<void> {
  const last = dirname(firstCreated === undefined ? dir : resolve(firstCreated))
  for (let parent = dirname(dir); ; parent = dirname(parent)) {
    await files.syncDirectory(parent)
    if (parent === last || parent === dirname(parent)) return
  }
}
