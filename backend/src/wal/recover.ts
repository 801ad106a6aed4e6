/**
 * Reads a WAL_DIR at start: which entries have no settlement, and whether the log can be trusted. Cuts a torn tail only where it is
 * the end of the last segment; everything else that is wrong stops the start, since it may be a decision that was acknowledged.
 */
import type { WalFiles } from './files.ts'
import { headerBytes, type SegmentHeader } from './format.ts'
import { SegmentLedger } from './ledger.ts'
import type { Settlement, WalPosition } from './port.ts'
import { type BadEnd, type SegmentEnd, SegmentReader } from './read-frames.ts'
import { listSegments, removeDurably, type SegmentFile } from './segment.ts'
import { whyNotTorn } from './torn-tail.ts'

/** Why a start was refused. The message holds all of it. */
export class BadRecoveryReport extends Error {
  override readonly name = 'BadRecoveryReport'
  readonly file: string
  readonly offset: number
  readonly problem: string
  readonly advice: string

  constructor(found: { file: string; offset: number; problem: string; advice: string }) {
    super(`The write-ahead log cannot be trusted: ${found.file}, offset ${found.offset}: ${found.problem}. ${found.advice}`)
    this.file = found.file
    this.offset = found.offset
    this.problem = found.problem
    this.advice = found.advice
  }
}

const ADVICE_DAMAGED =
  'Nothing was changed. Check the disk; restore this file from a replica or a backup; or, knowing that entries may be lost, move this file and all later ones out of the directory.'
const ADVICE_FOREIGN =
  'Nothing was changed. Start the pod that owns this directory on it, or give this pod a directory of its own.'

/** Gets the settlements of one frame, in log order; views that are valid only during the call. `at` is where the frame stands. */
export type OnRecoveredSettlements = (settlements: readonly Settlement[], at: WalPosition) => void

export interface RecoveredLog {
  readonly files: readonly SegmentFile[]
  /** Length of the last of them. */
  readonly lastBytes: number
  readonly ledger: SegmentLedger
  /** Offsets of unsettled entries, ascending, by segment. */
  readonly unsettled: ReadonlyMap<number, ReadonlySet<number>>
  readonly unsettledEntries: number
  readonly entries: number
  readonly tornBytes: number
}

export async function recoverLog(
  disk: WalFiles,
  dir: string,
  pod: string,
  onSettlements: OnRecoveredSettlements,
): Promise<RecoveredLog> {
  const files = await listSegments(dir, disk)
  requireContiguous(files)
  const found = new Findings()
  let tornBytes = 0
  for (const [index, file] of files.entries()) {
    const reader = await SegmentReader.open(disk, file.path)
    const { header } = reader
    try {
      if (typeof header !== 'string') {
        requireOwnHeader(file, header, pod)
        await requireWhole(disk, files[index - 1], header.previousBytes)
      }
    } catch (error) {
      await reader.close()
      throw error
    }
    const end = await found.readSegment(reader, file.segment, onSettlements)
    if (end.kind === 'whole') continue
    if (index < files.length - 1) throw damaged(file.path, end, 'later segments follow')
    const checksum = typeof header === 'string' ? undefined : header.checksum
    const why = await whyNotTorn(disk, file.path, end, checksum, headerBytes(pod))
    if (why !== undefined) throw damaged(file.path, end, `it is not the end of an interrupted write: ${why}`)
    tornBytes = await cutTornTail(disk, dir, file.path, end)
    if (end.kind === 'headless') files.pop()
  }
  const { ledger, unsettled, unsettledEntries, entries } = found
  const last = files.at(-1)
  const lastBytes = last === undefined ? 0 : await disk.sizeOf(last.path)
  return { files, lastBytes, ledger, unsettled, unsettledEntries, entries, tornBytes }
}

/** What the frames read so far amount to. */
class Findings {
  readonly ledger = new SegmentLedger()
  readonly unsettled = new Map<number, Set<number>>()
  unsettledEntries = 0
  entries = 0

  async readSegment(reader: SegmentReader, segment: number, onSettlements: OnRecoveredSettlements): Promise<SegmentEnd> {
    const frames = reader.frames()
    const offsets = new Set<number>()
    this.unsettled.set(segment, offsets)
    const tally = this.ledger.of(segment)
    for (;;) {
      const batch = await frames.next()
      if (batch.done) {
        this.#dropSettledSegments()
        return batch.value
      }
      for (const frame of batch.value) {
        if (frame.kind === 'settled') {
          this.#settle(frame.settlements)
          onSettlements(frame.settlements, { segment, offset: frame.offset })
        } else {
          offsets.add(frame.offset)
          tally.entries++
          tally.newestMs = Math.max(tally.newestMs, frame.payload.readDoubleLE(0))
          this.entries++
          this.unsettledEntries++
        }
      }
    }
  }

  /** A settlement of a segment that retention has deleted, or a repeated one, changes nothing. */
  #settle(settlements: readonly Settlement[]): void {
    for (const { position } of settlements) {
      if (this.unsettled.get(position.segment)?.delete(position.offset) !== true) continue
      this.ledger.of(position.segment).settled++
      this.unsettledEntries--
    }
  }

  #dropSettledSegments(): void {
    for (const [segment, offsets] of this.unsettled) if (offsets.size === 0) this.unsettled.delete(segment)
  }
}

/** A segment in between that is not there is damage like any other. */
export function requireContiguous(files: readonly SegmentFile[]): void {
  for (const [index, file] of files.entries()) {
    const previous = files[index - 1]
    if (previous === undefined || previous.segment + 1 === file.segment) continue
    const problem = `segment ${previous.segment + 1} is missing between ${previous.segment} and ${file.segment}`
    throw new BadRecoveryReport({ file: file.path, offset: 0, problem, advice: ADVICE_DAMAGED })
  }
}

/** That a closed segment has the length that its successor knows: one cut between two records looks sound by itself. */
export async function requireWhole(disk: WalFiles, file: SegmentFile | undefined, bytes: number): Promise<void> {
  if (file === undefined) return
  const size = await disk.sizeOf(file.path)
  if (size === bytes) return
  const problem = `the file has ${size} bytes; it had ${bytes} when the next segment was begun`
  throw new BadRecoveryReport({ file: file.path, offset: Math.min(size, bytes), problem, advice: ADVICE_DAMAGED })
}

function requireOwnHeader(file: SegmentFile, header: SegmentHeader, pod: string): void {
  if (header.pod !== pod) {
    const problem = `the segment belongs to pod '${header.pod}', not to '${pod}'`
    throw new BadRecoveryReport({ file: file.path, offset: 0, problem, advice: ADVICE_FOREIGN })
  }
  if (header.segment === file.segment) return
  const problem = `the file says that it is segment ${header.segment}`
  throw new BadRecoveryReport({ file: file.path, offset: 0, problem, advice: ADVICE_DAMAGED })
}

/** The report on a segment whose end is bad. */
export function damaged(path: string, end: BadEnd, why: string): BadRecoveryReport {
  const offset = end.kind === 'headless' ? 0 : end.offset
  return new BadRecoveryReport({ file: path, offset, problem: `${end.problem}, and ${why}`, advice: ADVICE_DAMAGED })
}

/** @returns how many bytes were cut. A file without a header goes whole: nothing in it was ever durable. */
async function cutTornTail(disk: WalFiles, dir: string, path: string, end: BadEnd): Promise<number> {
  const keptBytes = end.kind === 'headless' ? 0 : end.offset
  if (end.kind === 'headless') await removeDurably(disk, dir, path)
  else await disk.truncate(path, keptBytes)
  return end.sizeBytes - keptBytes
}
