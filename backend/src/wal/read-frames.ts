/**
 * Reads the frames of one segment in order, a chunk at a time, so that memory does not grow with the file. Says where and why it
 * stopped; judging that is the caller's (recover.ts).
 */
import { MAX_POD_BYTES } from '@fractal-lba/protocol/records/record'
import type { ReadableFile, WalFiles } from './files.ts'
import {
  type DecodedHeader,
  decodeHeader,
  decodeSettlements,
  FRAME_HEADER_BYTES,
  FRAME_SETTLED,
  isEntryPayload,
  isFrameAt,
  MAX_GROUP_BYTES,
} from './format.ts'
import type { Settlement } from './port.ts'

const CHUNK_BYTES = 1024 * 1024

/** Payload, key and record are views of a reused buffer: valid only until the next batch is asked for. */
export type Frame =
  | { readonly kind: 'entry'; readonly offset: number; readonly payload: Buffer }
  | { readonly kind: 'settled'; readonly offset: number; readonly settlements: readonly Settlement[] }

export type SegmentEnd =
  | { readonly kind: 'whole'; readonly sizeBytes: number }
  /** The header is not sound. */
  | { readonly kind: 'headless'; readonly sizeBytes: number; readonly problem: string }
  /** No sound frame at `offset`, where one should be. */
  | {
      readonly kind: 'broken'
      readonly sizeBytes: number
      readonly offset: number
      readonly problem: string
      readonly senseless: boolean
    }

export type BadEnd = Exclude<SegmentEnd, { kind: 'whole' }>

/** A segment opened for reading. */
export class SegmentReader {
  readonly path: string
  readonly header: DecodedHeader | string
  readonly sizeBytes: number
  readonly #file: ReadableFile

  private constructor(path: string, file: ReadableFile, header: DecodedHeader | string) {
    this.path = path
    this.#file = file
    this.header = header
    this.sizeBytes = file.sizeBytes
  }

  static async open(disk: WalFiles, path: string): Promise<SegmentReader> {
    const file = await disk.open(path)
    try {
      const start = Buffer.alloc(Math.min(file.sizeBytes, MAX_POD_BYTES + 64))
      const bytesRead = await file.read(start, 0, start.length, 0)
      return new SegmentReader(path, file, decodeHeader(start.subarray(0, bytesRead)))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Yields the sound frames, a chunk's worth at a time; closes the file at its end. */
  async *frames(): AsyncGenerator<Frame[], SegmentEnd> {
    const { header, sizeBytes } = this
    try {
      if (typeof header === 'string') return { kind: 'headless', sizeBytes, problem: header }
      let buffer: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      /** Where `buffer` begins in the file, and how much of it is filled. */
      let base = header.bytes
      let filled = 0
      for (;;) {
        const bytesRead = await this.#file.read(buffer, filled, buffer.length - filled, base + filled)
        filled += bytesRead
        const chunk = parseChunk(buffer, filled, base, header.checksum)
        if (chunk.frames.length > 0) yield chunk.frames
        const offset = base + chunk.at
        if (chunk.problem !== undefined)
          return { kind: 'broken', sizeBytes, offset, problem: chunk.problem, senseless: chunk.senseless }
        if (bytesRead === 0) {
          if (chunk.at === filled) return { kind: 'whole', sizeBytes: offset }
          return { kind: 'broken', sizeBytes, offset, problem: 'the file ends inside a record', senseless: false }
        }
        buffer = carryOver(buffer, chunk.at, filled, chunk.wantedBytes)
        base = offset
        filled -= chunk.at
      }
    } finally {
      await this.#file.close()
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

interface ParsedChunk {
  readonly frames: Frame[]
  /** Behind the last sound frame. */
  readonly at: number
  /** Size of the frame at `at`, as far as is known. */
  readonly wantedBytes: number
  readonly problem: string | undefined
  /** The checksum holds but the content has no meaning: never the mark of a torn write. */
  readonly senseless: boolean
}

function parseChunk(buffer: Buffer, filled: number, base: number, headerChecksum: number): ParsedChunk {
  const frames: Frame[] = []
  let at = 0
  while (filled - at >= FRAME_HEADER_BYTES) {
    const frameBytes = FRAME_HEADER_BYTES + buffer.readUInt32LE(at)
    if (frameBytes > MAX_GROUP_BYTES) {
      return {
        frames,
        at,
        wantedBytes: 0,
        problem: `a record claims ${frameBytes} bytes, more than one may have`,
        senseless: false,
      }
    }
    if (frameBytes > filled - at) return { frames, at, wantedBytes: frameBytes, problem: undefined, senseless: false }
    if (!isFrameAt(buffer, at, filled, base + at, headerChecksum)) {
      return { frames, at, wantedBytes: 0, problem: 'the checksum of a record is wrong', senseless: false }
    }
    const frame = toFrame(buffer[at + 12] as number, base + at, buffer.subarray(at + FRAME_HEADER_BYTES, at + frameBytes))
    if (frame === undefined)
      return { frames, at, wantedBytes: 0, problem: 'a record with a right checksum has no meaning', senseless: true }
    frames.push(frame)
    at += frameBytes
  }
  return { frames, at, wantedBytes: FRAME_HEADER_BYTES, problem: undefined, senseless: false }
}

function toFrame(type: number, offset: number, payload: Buffer): Frame | undefined {
  if (type === FRAME_SETTLED) {
    const settlements = decodeSettlements(payload)
    return settlements === undefined ? undefined : { kind: 'settled', offset, settlements }
  }
  return isEntryPayload(payload) ? { kind: 'entry', offset, payload } : undefined
}

/** Moves the unparsed rest to the front, into a larger buffer where the next frame needs one. */
function carryOver(buffer: Buffer, at: number, filled: number, wantedBytes: number): Buffer {
  if (wantedBytes <= buffer.length) {
    buffer.copyWithin(0, at, filled)
    return buffer
  }
  const grown = Buffer.allocUnsafeSlow(wantedBytes + CHUNK_BYTES)
  buffer.copy(grown, 0, at, filled)
  return grown
}
