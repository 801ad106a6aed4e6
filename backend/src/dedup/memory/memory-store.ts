/**
 * The embedded dedup store: one pod, all in memory, decided synchronously in the order of the puts.
 *
 * Invariant: what it decides depends only on the puts, their order and what has expired. The pipeline puts in WAL order, and a start
 * replays the unsettled tail in WAL order behind what the log says was won; so a restart comes to the decisions it had come to before.
 */
import { expiresAtOf, sameOrigin } from '@fractal-lba/protocol/records/record'
import { KEY_BYTES } from '@fractal-lba/protocol/ring/slots'
import type { DedupPut, DedupStore, Outcome } from '../port.ts'
import { Arena, type Chunk } from './arena.ts'
import { KeyIndex } from './key-index.ts'

const WON: Outcome = { kind: 'won' }
const FULL = {
  kind: 'unavailable',
  reason: 'the memory store is full; use redis or postgres for this many records',
} as const satisfies Outcome
/** Expired records removed per put: more than one, so that reclaiming overtakes growth; few, so that no batch is held up. */
const RECLAIMED_PER_PUT = 4

export interface MemoryStoreOptions {
  nowMs(): number
}

export class MemoryStore implements DedupStore {
  readonly notReadyReason = undefined
  readonly #nowMs: () => number
  readonly #arena = new Arena()
  readonly #index = new KeyIndex(this.#arena)
  /** The chunk whose records are being removed, and how far that has come. */
  #reclaiming: { readonly chunk: Chunk; offset: number } | undefined
  #nextCandidate = 0

  constructor(options: MemoryStoreOptions) {
    this.#nowMs = options.nowMs
  }

  /** Keys held, expired ones that are not reclaimed yet included. */
  get size(): number {
    return this.#index.size
  }

  /** What a snapshot saves: chunks in order. They are only ever appended to, so their lengths now mark a consistent prefix. */
  get chunks(): readonly Chunk[] {
    return this.#arena.chunks
  }

  async putIfAbsent(puts: readonly DedupPut[]): Promise<readonly Outcome[]> {
    const nowMs = this.#nowMs()
    const outcomes = puts.map((put) => this.#put(put, nowMs))
    this.#reclaim(nowMs, RECLAIMED_PER_PUT * puts.length)
    return outcomes
  }

  /** The key's record, copied; undefined for an absent or expired one. */
  get(key: Buffer): Buffer | undefined {
    const ref = this.#index.get(key)
    if (ref === undefined) return undefined
    const record = this.#arena.recordAt(ref)
    return expiresAtOf(record) > this.#nowMs() ? Buffer.from(record) : undefined
  }

  /** Takes over a decision that was made before the start, oldest first; what is expired or known changes nothing. Copies both. */
  restore(key: Buffer, record: Buffer): void {
    const nowMs = this.#nowMs()
    if (expiresAtOf(record) <= nowMs) return
    if (this.#put({ key, record }, nowMs) === FULL) throw new Error(FULL.reason)
  }

  async close(): Promise<void> {}

  #put(put: Pick<DedupPut, 'key' | 'record'>, nowMs: number): Outcome {
    const { key, record } = put
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, this one has ${key.length}`)
    const known = this.#index.get(key)
    if (known !== undefined) {
      const held = this.#arena.recordAt(known)
      if (expiresAtOf(held) > nowMs) return sameOrigin(held, record) ? WON : { kind: 'lost', record: Buffer.from(held) }
    }
    const ref = this.#arena.append(key, record)
    if (ref === undefined) return FULL
    if (known === undefined) this.#index.add(key, ref)
    else this.#index.replace(key, ref)
    return WON
  }

  /** Removes up to `budget` records of a chunk in which all are expired, then frees it. Looks at one candidate a call. */
  #reclaim(nowMs: number, budget: number): void {
    this.#reclaiming ??= this.#nextExpiredChunk(nowMs)
    const reclaiming = this.#reclaiming
    if (reclaiming === undefined) return
    const { chunk } = reclaiming
    for (let left = budget; left > 0 && reclaiming.offset < chunk.usedBytes; left--) {
      const { ref, next } = this.#arena.refIn(chunk, reclaiming.offset)
      this.#index.removeIfAt(this.#arena.keyAt(ref), ref)
      reclaiming.offset = next
    }
    if (reclaiming.offset < chunk.usedBytes) return
    this.#arena.drop(chunk)
    this.#reclaiming = undefined
  }

  #nextExpiredChunk(nowMs: number): { chunk: Chunk; offset: number } | undefined {
    const { chunks } = this.#arena
    // The last chunk is still appended to.
    if (chunks.length < 2) return undefined
    this.#nextCandidate = (this.#nextCandidate + 1) % (chunks.length - 1)
    const chunk = chunks[this.#nextCandidate] as Chunk
    return chunk.lastExpiryMs <= nowMs ? { chunk, offset: 0 } : undefined
  }
}
