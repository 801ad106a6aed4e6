/** The data plane of a Redis shard: one script call for a batch of puts, any number of calls pipelined on one connection. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardAddress } from '../address.ts'
import type { Put, PutOutcome, PutReply, ShardData, ShardId } from '../port.ts'
import { checkPuts, packRecords } from '../record-packing.ts'
import { RedisConnection } from './connect.ts'
import { GET, PUT, SWEEP } from './program.ts'
import { rowFromText } from './row-text.ts'

/** More puts than this go as several calls, so that one script run stays about a millisecond. */
const MAX_PUTS_PER_CALL = 256
const MAX_KEYS_PER_GET = 1024
const SWEEP_DEADLINE_MS = 10_000
const WRITTEN: PutOutcome = { kind: 'written' }

export class RedisShardData implements ShardData {
  readonly id: ShardId
  readonly #connection: RedisConnection

  constructor(address: ShardAddress) {
    this.id = address.id
    this.#connection = new RedisConnection(address)
  }

  async put(puts: readonly Put[], deadlineMs: number): Promise<PutReply> {
    checkPuts(puts)
    if (puts.length <= MAX_PUTS_PER_CALL) return await this.#putOnce(puts, deadlineMs)
    const replies: Promise<PutReply>[] = []
    for (let from = 0; from < puts.length; from += MAX_PUTS_PER_CALL)
      replies.push(this.#putOnce(puts.slice(from, from + MAX_PUTS_PER_CALL), deadlineMs))
    const all = await Promise.all(replies)
    return { epoch: Math.min(...all.map((reply) => reply.epoch)), outcomes: all.flatMap((reply) => reply.outcomes) }
  }

  async #putOnce(puts: readonly Put[], deadlineMs: number): Promise<PutReply> {
    const [epoch, exceptions] = (await this.#connection.run(PUT, [packRecords(puts)], deadlineMs)) as [
      number,
      (number | Buffer)[],
    ]
    const outcomes = new Array<PutOutcome>(puts.length).fill(WRITTEN)
    for (let at = 0; at < exceptions.length; at += 3) {
      const index = exceptions[at] as number
      const kind = (exceptions[at + 1] as Buffer).toString()
      const detail = exceptions[at + 2] as Buffer
      outcomes[index] = kind === 'e' ? { kind: 'exists', record: detail } : notOwner((puts[index] as Put).slot, detail.toString())
    }
    return { epoch, outcomes }
  }

  async get(keys: readonly Buffer[], deadlineMs: number): Promise<(Buffer | undefined)[]> {
    const found: (Buffer | undefined)[] = []
    for (let from = 0; from < keys.length; from += MAX_KEYS_PER_GET) {
      const some = keys.slice(from, from + MAX_KEYS_PER_GET)
      const values = (await this.#connection.run(GET, [Buffer.concat(some)], deadlineMs)) as (Buffer | null)[]
      for (const value of values) found.push(value ?? undefined)
    }
    return found
  }

  async sweepExpired(slot: SlotId, nowMs: number, limit: number): Promise<number> {
    let cursor: string | Buffer = '0'
    let deleted = 0
    do {
      const args = [slot, nowMs, limit - deleted, cursor]
      const [next, some] = (await this.#connection.run(SWEEP, args, Date.now() + SWEEP_DEADLINE_MS)) as [Buffer, number]
      cursor = next
      deleted += some
    } while (deleted < limit && cursor.toString() !== '0')
    return deleted
  }

  async ping(deadlineMs: number): Promise<void> {
    await this.#connection.command('PING', [], deadlineMs)
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}

function notOwner(slot: SlotId, text: string): PutOutcome {
  const row = rowFromText(slot, text)
  if (row?.role === 'released') return { kind: 'not-owner', owner: row.to, generation: row.generation }
  return { kind: 'not-owner', owner: row?.role === 'importing' ? row.from : undefined, generation: undefined }
}
