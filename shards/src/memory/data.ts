/** The data plane of a shard in this process. */
import { type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { Put, PutOutcome, PutReply, ShardData, ShardId } from '../port.ts'
import { checkPuts } from '../record-packing.ts'
import type { MemoryServer } from './server.ts'

export class MemoryShardData implements ShardData {
  readonly id: ShardId
  readonly #server: MemoryServer

  constructor(server: MemoryServer) {
    this.id = server.id
    this.#server = server
  }

  async put(puts: readonly Put[]): Promise<PutReply> {
    checkPuts(puts)
    const nowMs = this.#server.now()
    return { epoch: this.#server.epoch, outcomes: puts.map((put) => this.#putOne(put, nowMs)) }
  }

  #putOne({ key, record, expiresAtMs }: Put, nowMs: number): PutOutcome {
    const slot = slotOfKey(key)
    const row = this.#server.rows.get(slot)
    if (row?.role !== 'owned') {
      if (row?.role === 'released') return { kind: 'not-owner', owner: row.to, generation: row.generation }
      return { kind: 'not-owner', owner: row?.from, generation: undefined }
    }
    const records = this.#server.recordsOf(slot)
    const name = key.toString('latin1')
    const there = records.get(name)
    if (there && there.expiresAtMs > nowMs) return { kind: 'exists', record: there.record }
    // Copies: the caller's buffers may be slices of a request that it reuses.
    const stored = { key: Buffer.from(key), record: Buffer.from(record), expiresAtMs }
    records.set(name, stored)
    if (row.capture) this.#server.capture(slot, stored)
    return { kind: 'written' }
  }

  async get(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    const nowMs = this.#server.now()
    return keys.map((key) => {
      const there = this.#server.recordsOf(slotOfKey(key)).get(key.toString('latin1'))
      return there && there.expiresAtMs > nowMs ? there.record : undefined
    })
  }

  async sweepExpired(slot: SlotId, nowMs: number, limit: number): Promise<number> {
    const before = Math.min(nowMs, this.#server.now())
    const records = this.#server.recordsOf(slot)
    let deleted = 0
    for (const [name, { expiresAtMs }] of records) {
      if (deleted >= limit) break
      if (expiresAtMs >= before) continue
      records.delete(name)
      deleted++
    }
    return deleted
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}
}
