/**
 * The agent's own write-ahead log: a summary is on disk before it is sent, and stays there until a verifier has answered. After a
 * crash the same bytes are sent again, and first write wins at the other side makes that harmless. Appends that wait at the same
 * time share one `fdatasync`; settled marks are not synced, since a lost one only costs a repeat. One process to a file.
 */
import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { entryFrame, FRAME_OVERHEAD, MAGIC, settledFrame } from './frame.ts'
import { recoverOutbox } from './recover.ts'

export interface OutboxOptions {
  /** Bytes of unanswered entries that may wait; they are held in memory too. */
  readonly maxPendingBytes?: number
  /** The file is rewritten when this many bytes of it are settled, and they are more than half of it. */
  readonly compactAtBytes?: number
}

export interface OutboxEntry {
  readonly seq: number
  readonly body: Buffer
}

export const DEFAULT_MAX_PENDING_BYTES = 64 * 1024 * 1024
export const DEFAULT_COMPACT_AT_BYTES = 4 * 1024 * 1024

/** Too much waits for an answer already: send less, or find out why no verifier answers. Nothing was written. */
export class OutboxFull extends Error {
  constructor(pendingBytes: number) {
    super(`the outbox is full: ${pendingBytes} bytes wait for an answer`)
    this.name = 'OutboxFull'
  }
}

/** The disk failed. Final for this outbox: after a failed sync nobody knows what is on disk, so a restart has to find out. */
export class OutboxFailed extends Error {
  constructor(path: string, cause: unknown) {
    super(`the outbox ${path} failed and takes nothing more until a restart: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
    this.name = 'OutboxFailed'
  }
}

interface Write {
  readonly frame: Buffer
  readonly durable: (() => void) | undefined
  readonly failed: ((error: Error) => void) | undefined
}

export class Outbox {
  readonly #path: string
  readonly #maxPendingBytes: number
  readonly #compactAtBytes: number
  /** Entries without an answer; the file holds all of them. */
  readonly #pending: Map<number, Buffer>
  #file: FileHandle
  #fileBytes: number
  #pendingBytes: number
  #nextSeq: number
  #queue: Write[] = []
  #pump: Promise<void> | undefined
  #failure: Error | undefined
  #closed = false

  private constructor(
    path: string,
    file: FileHandle,
    recovered: { pending: Map<number, Buffer>; nextSeq: number; bytes: number },
    options: OutboxOptions,
  ) {
    this.#path = path
    this.#file = file
    this.#pending = recovered.pending
    this.#nextSeq = recovered.nextSeq
    this.#fileBytes = recovered.bytes
    this.#pendingBytes = [...recovered.pending.values()].reduce((sum, body) => sum + body.length + FRAME_OVERHEAD, 0)
    this.#maxPendingBytes = options.maxPendingBytes ?? DEFAULT_MAX_PENDING_BYTES
    this.#compactAtBytes = options.compactAtBytes ?? DEFAULT_COMPACT_AT_BYTES
  }

  /** Opens or makes the file, and recovers what waits in it. @throws OutboxDamaged */
  static async open(path: string, options: OutboxOptions = {}): Promise<Outbox> {
    const file = await open(path, 'a+')
    try {
      const recovered = recoverOutbox(path, await readFile(path))
      if (recovered.tornBytes > 0) await file.truncate(recovered.goodBytes)
      if (recovered.goodBytes === 0) await file.appendFile(MAGIC)
      await file.datasync()
      await syncDirectoryOf(path)
      const bytes = Math.max(recovered.goodBytes, MAGIC.length)
      return new Outbox(path, file, { pending: recovered.pending, nextSeq: recovered.nextSeq, bytes }, options)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** What waits for an answer, oldest first. */
  get pending(): OutboxEntry[] {
    return [...this.#pending].map(([seq, body]) => ({ seq, body }))
  }

  /** Whether the entry still waits. */
  has(seq: number): boolean {
    return this.#pending.has(seq)
  }

  get fileBytes(): number {
    return this.#fileBytes
  }

  /**
   * Resolves once the entry is on disk. @param makeBody gets the entry's number, which it may put into the body.
   * @throws OutboxFull, OutboxFailed
   */
  async append(makeBody: (seq: number) => Buffer): Promise<OutboxEntry> {
    this.#requireOpen()
    const seq = this.#nextSeq
    const body = makeBody(seq)
    const frame = entryFrame(seq, body)
    if (this.#pendingBytes + frame.length > this.#maxPendingBytes) throw new OutboxFull(this.#pendingBytes)
    this.#nextSeq++
    this.#pending.set(seq, body)
    this.#pendingBytes += frame.length
    await new Promise<void>((resolve, reject) => this.#write({ frame, durable: resolve, failed: reject }))
    return { seq, body }
  }

  /** An answer came, or can never come: the entry is not sent again. Not waited for. */
  settle(seq: number): void {
    const body = this.#pending.get(seq)
    if (body === undefined || this.#failure || this.#closed) return
    this.#pending.delete(seq)
    this.#pendingBytes -= body.length + FRAME_OVERHEAD
    this.#write({ frame: settledFrame(seq), durable: undefined, failed: undefined })
  }

  /** Writes what is queued, then closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pump
    await this.#file.close()
  }

  #write(write: Write): void {
    this.#queue.push(write)
    this.#pump ??= this.#run()
  }

  /** Writes rounds of what has gathered; one sync serves a round. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const round = this.#queue
      this.#queue = []
      try {
        const bytes = Buffer.concat(round.map((write) => write.frame))
        await this.#file.appendFile(bytes)
        this.#fileBytes += bytes.length
        if (round.some((write) => write.durable)) await this.#file.datasync()
        if (this.#shouldCompact()) await this.#compact()
      } catch (error) {
        this.#failure = new OutboxFailed(this.#path, error)
        for (const write of [...round, ...this.#queue]) write.failed?.(this.#failure)
        this.#queue = []
        break
      }
      for (const write of round) write.durable?.()
    }
    // In the same tick as the last look at the queue: a write that comes later starts a new pump, none is left lying.
    this.#pump = undefined
  }

  #shouldCompact(): boolean {
    const settledBytes = this.#fileBytes - this.#pendingBytes
    return settledBytes >= this.#compactAtBytes && settledBytes > this.#fileBytes / 2
  }

  /** A new file with what is pending takes the old one's place by a rename, so at any instant one whole file is there. */
  async #compact(): Promise<void> {
    // Entries whose append is still queued are in `pending` too; writing them twice is harmless, their frames are equal.
    const frames = [MAGIC, ...[...this.#pending].map(([seq, body]) => entryFrame(seq, body))]
    // The highest number must survive, or a number could be used for two entries.
    if (!this.#pending.has(this.#nextSeq - 1)) frames.push(settledFrame(this.#nextSeq - 1))
    const bytes = Buffer.concat(frames)
    const path = `${this.#path}.new`
    const file = await open(path, 'w+')
    try {
      await file.appendFile(bytes)
      await file.datasync()
      await rename(path, this.#path)
      await syncDirectoryOf(this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    const old = this.#file
    this.#file = file
    this.#fileBytes = bytes.length
    await old.close()
  }

  #requireOpen(): void {
    if (this.#failure) throw this.#failure
    if (this.#closed) throw new OutboxFailed(this.#path, new Error('it is closed'))
  }
}

async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
