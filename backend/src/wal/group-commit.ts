/**
 * The writing side of the log. Leader-driven: the first entry that finds no write under way starts one at the end of this turn of the
 * event loop; whatever comes in meanwhile gathers in the next group, which starts when that write is done. No timer, no promise and no
 * buffer per entry.
 *
 * Invariants: groups reach the disk in order and one at a time; an entry is handed to `onDurable` only after the write that holds it
 * is on disk, and so is the name of its file; after an error that leaves in doubt what is on disk nothing more is written.
 */
import type { Clock } from '../time/clock.ts'
import type { FileError, WalFiles } from './files.ts'
import { encodeHeader, entryBytes, FRAME_HEADER_BYTES, headerBytes, MAX_GROUP_BYTES, settlementBytes } from './format.ts'
import { Group, GroupBuffers, type GroupSegment } from './group.ts'
import type { SegmentLedger } from './ledger.ts'
import type { DurableEntry, Settlement, Wal, WalEntry } from './port.ts'
import { removeDurably, SegmentWriter } from './segment.ts'

/** Bytes waiting for the disk beyond which `append` refuses: four full writes. */
const MAX_QUEUED_BYTES = 4 * MAX_GROUP_BYTES
/** How long settlements wait for an entry's write to ride along with. */
const DEFAULT_SETTLE_DELAY_MS = 20
/** Free space below which a full log does not try again: some thousand entries, so that it does not flap. */
const DEFAULT_RESUME_FREE_BYTES = 4 * 1024 * 1024
const PROBE_FIRST_MS = 100
const PROBE_LAST_MS = 5_000

interface SegmentLength {
  readonly segment: number
  readonly bytes: number
}

export interface GroupCommitOptions<T> {
  readonly dir: string
  readonly pod: string
  /** A segment is closed before the frame that would make it larger. */
  readonly segmentBytes: number
  /** The last segment there is: this process begins with the next one. */
  readonly lastSegment: SegmentLength
  /** Entries found at start that are not settled. */
  readonly backlogEntries: number
  readonly ledger: SegmentLedger
  readonly clock: Clock
  readonly files: WalFiles
  readonly settleDelayMs?: number
  readonly resumeFreeBytes?: number
  /**
   * These are on their way to the disk, and will be given to `onDurable` (the same array) or to `onRefused`. A chance to think about them
   * while the disk works; nothing may be decided or answered yet.
   */
  onWriting?(entries: readonly DurableEntry<T>[]): void
  /** See `Wal.append`. */
  onDurable(entries: readonly DurableEntry<T>[]): void
  /** These will not be made durable: answer 503. A crash may still find some of them, as if the answer had been lost. */
  onRefused(entries: readonly WalEntry<T>[]): void
  /** The log has failed for good: say why and exit. Called once. */
  onFailed(error: Error): void
  /** Nothing of the directory is used any more. */
  onClosed(): void
}

export class GroupCommit<T> implements Wal<T> {
  readonly #options: GroupCommitOptions<T>
  readonly #buffers = new GroupBuffers()
  #state: Wal<T>['state'] = 'open'
  /** Oldest first; while `#writing`, the first one is on its way to the disk. */
  #queue: Group<T>[] = []
  /** The last of the queue, while it still takes frames. */
  #gathering: Group<T> | undefined
  #queuedEntries = 0
  #writing = false
  #leaderScheduled = false
  #cancelSettleTimer: (() => void) | undefined
  #cancelProbe: (() => void) | undefined
  #probeDelayMs = PROBE_FIRST_MS
  /** Settlements that wait for the disk to have space again. */
  #parked: Settlement[] = []
  /** Where the next group begins. */
  #segment: GroupSegment
  #nextOffset = 0
  #writer: SegmentWriter | undefined
  /** The last segment with something durable in it, and how much. */
  #durable: SegmentLength
  #unsettledEntries: number
  #onDrained: (() => void) | undefined

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options
    this.#unsettledEntries = options.backlogEntries
    this.#durable = options.lastSegment
    this.#segment = this.#segmentAfter(this.#durable)
  }

  get state(): Wal<T>['state'] {
    return this.#state
  }

  get backlogEntries(): number {
    return this.#unsettledEntries
  }

  get currentSegment(): number {
    return this.#segment.header.segment
  }

  append(entry: WalEntry<T>): boolean {
    if (this.#state !== 'open' || this.#queuedBytes > MAX_QUEUED_BYTES) return false
    this.#groupFor(entryBytes(entry.tenant, entry.body)).addEntry(entry)
    this.#queuedEntries++
    this.#unsettledEntries++
    this.#scheduleLeader()
    return true
  }

  settle(settlements: readonly Settlement[]): void {
    this.#unsettledEntries -= settlements.length
    if (this.#state === 'full') this.#parked.push(...settlements)
    else if (this.#state === 'open' || this.#onDrained !== undefined) this.#addSettlements(settlements)
  }

  async close(): Promise<void> {
    if (this.#state === 'closed' || this.#state === 'failed') return
    const wasFull = this.#state === 'full'
    this.#state = 'closed'
    this.#cancelSettleTimer?.()
    this.#cancelProbe?.()
    if (this.#writing || (!wasFull && this.#queue.length > 0)) {
      const drained = new Promise<void>((resolve) => {
        this.#onDrained = resolve
      })
      this.#scheduleLeader()
      await drained
    }
    await this.#closeWriter()
    this.#options.onClosed()
  }

  get #queuedBytes(): number {
    let bytes = 0
    for (const group of this.#queue) bytes += group.usedBytes
    return bytes
  }

  #segmentAfter(previous: SegmentLength): GroupSegment {
    const { pod, clock } = this.#options
    const header = { pod, segment: previous.segment + 1, previousBytes: previous.bytes, createdAtMs: clock.nowMs() }
    const encoded = encodeHeader(header)
    return { header, headerChecksum: encoded.readUInt32LE(encoded.length - 4) }
  }

  /** The group that takes a frame with a payload of at most `payloadBytes`. */
  #groupFor(payloadBytes: number): Group<T> {
    const frameBytes = FRAME_HEADER_BYTES + payloadBytes
    if (frameBytes > MAX_GROUP_BYTES / 2)
      throw new RangeError(`a record of ${frameBytes} bytes is larger than ${MAX_GROUP_BYTES / 2}`)
    const end = this.#gathering?.endOffset ?? this.#nextOffset
    const rotates = end + frameBytes > this.#options.segmentBytes && end > headerBytes(this.#options.pod)
    if (this.#gathering !== undefined && !rotates && this.#gathering.hasRoomFor(payloadBytes)) return this.#gathering
    if (rotates) this.#segment = this.#segmentAfter({ segment: this.currentSegment, bytes: end })
    this.#nextOffset = rotates ? 0 : end
    return this.#startGroup()
  }

  #startGroup(): Group<T> {
    const group = new Group<T>(this.#segment, this.#nextOffset, this.#buffers.take())
    if (group.offset === 0) group.addHeader()
    this.#gathering = group
    this.#queue.push(group)
    return group
  }

  #addSettlements(settlements: readonly Settlement[]): void {
    let added = 0
    while (added < settlements.length) {
      added += this.#groupFor(settlementBytes(settlements[added] as Settlement)).addSettlements(settlements, added)
    }
    if (this.#queuedEntries === 0 && this.#state === 'open') this.#armSettleTimer()
  }

  #armSettleTimer(): void {
    if (this.#cancelSettleTimer !== undefined) return
    this.#cancelSettleTimer = this.#options.clock.after(this.#options.settleDelayMs ?? DEFAULT_SETTLE_DELAY_MS, () => {
      this.#cancelSettleTimer = undefined
      if (this.#state === 'open') this.#lead()
    })
  }

  /** The end of this turn of the event loop, so that all requests read in it share the write. */
  #scheduleLeader(): void {
    if (this.#writing || this.#leaderScheduled) return
    this.#leaderScheduled = true
    this.#options.clock.soon(() => {
      this.#leaderScheduled = false
      this.#lead()
    })
  }

  #lead(): void {
    const group = this.#queue[0]
    if (this.#writing || group === undefined || this.#state === 'failed') return
    this.#writing = true
    if (group === this.#gathering) {
      this.#gathering = undefined
      this.#nextOffset = group.endOffset
    }
    if (this.#writer?.segment === group.segment.header.segment) this.#write(this.#writer, group)
    else this.#rotateTo(group)
    if (group.entries.length > 0 && this.#options.onWriting !== undefined)
      this.#options.clock.soon(() => this.#tellWriting(group))
  }

  /** In a turn of its own, since the entries of the write before this one are answered first. */
  #tellWriting(group: Group<T>): void {
    if (this.#writing && this.#queue[0] === group) this.#options.onWriting?.(group.entries)
  }

  #write(writer: SegmentWriter, group: Group<T>): void {
    writer.write(group.buffer, group.usedBytes, group.offset, (error) =>
      error === null ? this.#written(group) : this.#writeFailed(error),
    )
  }

  /** The first group of a segment: its file is made, and made findable, before anything in it counts as durable. */
  #rotateTo(group: Group<T>): void {
    const { dir, files } = this.#options
    const create = () =>
      SegmentWriter.create(files, dir, group.segment.header.segment, (error, writer) => {
        if (writer === undefined) return this.#writeFailed(error as FileError)
        this.#writer = writer
        writer.write(group.buffer, group.usedBytes, 0, (writeError) => {
          if (writeError !== null) return this.#writeFailed(writeError)
          files.syncDirectory(dir).then(
            () => this.#written(group),
            (syncError: Error) => this.#fail(syncError),
          )
        })
      })
    const previous = this.#writer
    this.#writer = undefined
    if (previous === undefined) create()
    else previous.close((error) => (error === null ? create() : this.#fail(error)))
  }

  #written(group: Group<T>): void {
    this.#queue.shift()
    this.#queuedEntries -= group.entries.length
    this.#durable = { segment: group.segment.header.segment, bytes: group.endOffset }
    this.#writing = false
    const { ledger } = this.#options
    ledger.addDurable(group.segment.header.segment, group.entries)
    ledger.addSettled(group.settlements)
    this.#buffers.giveBack(group.buffer)
    if (this.#state === 'full') this.#resume()
    // The next write starts before anyone is told, so that the disk works while the entries are worked on.
    if (this.#queuedEntries > 0) this.#lead()
    else if (this.#queue.length > 0 && this.#state === 'open') this.#armSettleTimer()
    if (group.entries.length > 0) this.#options.onDurable(group.entries)
    if (this.#onDrained !== undefined) this.#drain()
  }

  /** While closing: what was settled meanwhile is written too. */
  #drain(): void {
    if (this.#queue.length > 0) this.#lead()
    else {
      this.#onDrained?.()
      this.#onDrained = undefined
    }
  }

  #writeFailed(error: FileError): void {
    if (error.code === 'ENOSPC' || error.code === 'EDQUOT') this.#becomeFull().catch((failure: Error) => this.#fail(failure))
    else this.#fail(error)
  }

  /**
   * Gives everything that is queued back, cuts what the failed write left behind and abandons that file: a later write goes to a new one,
   * because even where the disk says 'no space' it is not known what it kept.
   */
  async #becomeFull(): Promise<void> {
    if (this.#state === 'open') this.#state = 'full'
    const refused = this.#takeQueue()
    if (refused.length > 0) this.#options.onRefused(refused)
    const writer = this.#writer
    if (writer !== undefined) {
      const { dir, files } = this.#options
      await this.#closeWriter()
      if (writer.segment === this.#durable.segment) await files.truncate(writer.path, this.#durable.bytes)
      else await removeDurably(files, dir, writer.path)
    }
    this.#segment = this.#segmentAfter(this.#durable)
    this.#nextOffset = 0
    this.#writing = false
    if (this.#state === 'closed') this.#drain()
    else this.#armProbe()
  }

  /** Empties the queue: settlements are kept for later, entries are returned. */
  #takeQueue(): DurableEntry<T>[] {
    const refused = this.#queue.flatMap((group) => group.entries)
    this.#parked = [...this.#queue.flatMap((group) => group.settlements), ...this.#parked]
    this.#queue = []
    this.#gathering = undefined
    this.#queuedEntries = 0
    this.#unsettledEntries -= refused.length
    return refused
  }

  #armProbe(): void {
    this.#cancelProbe = this.#options.clock.after(this.#probeDelayMs, () => {
      this.#probe().catch((error: Error) => this.#fail(error))
    })
    this.#probeDelayMs = Math.min(2 * this.#probeDelayMs, PROBE_LAST_MS)
  }

  /** Writes a new segment with what is parked; the log opens again once that is on disk. */
  async #probe(): Promise<void> {
    const freeBytes = await this.#options.files.freeBytes(this.#options.dir)
    if (this.#state !== 'full') return
    if (freeBytes < (this.#options.resumeFreeBytes ?? DEFAULT_RESUME_FREE_BYTES)) return this.#armProbe()
    const parked = this.#parked
    this.#parked = []
    if (parked.length > 0) this.#addSettlements(parked)
    else this.#startGroup()
    this.#lead()
  }

  #resume(): void {
    this.#state = 'open'
    this.#probeDelayMs = PROBE_FIRST_MS
    const parked = this.#parked
    this.#parked = []
    this.#addSettlements(parked)
  }

  #fail(error: Error): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#cancelSettleTimer?.()
    this.#cancelProbe?.()
    const refused = this.#takeQueue()
    if (refused.length > 0) this.#options.onRefused(refused)
    this.#options.onFailed(
      new Error(`The write-ahead log in ${this.#options.dir} failed and takes nothing more`, { cause: error }),
    )
    this.#onDrained?.()
  }

  async #closeWriter(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    if (writer === undefined) return
    await new Promise<void>((resolve, reject) => writer.close((error) => (error === null ? resolve() : reject(error))))
  }
}
