/**
 * The data plane of a PostgreSQL shard. Calls gather while others are under way and share a statement and its commit (group
 * commit): the busier the shard, the larger the batches.
 */
import { KEY_BYTES, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { QueryConfig } from 'pg'
import type { ShardAddress } from '../address.ts'
import type { Put, PutOutcome, PutReply, ShardData, ShardId } from '../port.ts'
import { checkPuts } from '../record-packing.ts'
import { PostgresPool, sqlStateOf } from './connect.ts'

/** Batches under way at once: one waits for its commit while others run. More gain nothing, since commits are grouped anyway. */
const CONNECTIONS = 4
const MAX_PUTS_PER_BATCH = 256
const STATEMENT_TIMEOUT_MS = 10_000
const MAX_KEYS_PER_GET = 1024
/** A shard that does not answer must not make this process collect calls for it. */
const MAX_WAITING_CALLS = 10_000
const WRITTEN: PutOutcome = { kind: 'written' }
/** The schema, or the function in it, is not there: a server that belongs to no fleet owns nothing. */
const NO_SCHEMA = new Set(['3F000', '42883', '42P01'])

interface Waiting {
  readonly puts: readonly Put[]
  readonly deadlineMs: number
  readonly resolve: (reply: PutReply) => void
  readonly reject: (error: unknown) => void
}

interface PutRow {
  readonly epoch: string | null
  readonly n: number
  readonly kind: 'exists' | 'foreign'
  readonly record: Buffer
  readonly owner: ShardId | null
  readonly generation: number | null
}

export class PostgresShardData implements ShardData {
  readonly id: ShardId
  readonly #pool: PostgresPool
  #waiting: Waiting[] = []
  #underWay = 0

  constructor(address: ShardAddress) {
    this.id = address.id
    // One more than puts may use: audits and sweeps must get through beside them.
    this.#pool = new PostgresPool(address, { connections: CONNECTIONS + 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS })
  }

  async put(puts: readonly Put[], deadlineMs: number): Promise<PutReply> {
    checkPuts(puts)
    if (this.#waiting.length >= MAX_WAITING_CALLS) throw this.#pool.unavailable(`${MAX_WAITING_CALLS} calls wait for it already`)
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ puts, deadlineMs, resolve, reject })
      this.#send()
    })
  }

  #send(): void {
    while (this.#underWay < CONNECTIONS && this.#waiting.length > 0) {
      const first = this.#waiting[0] as Waiting
      if (first.deadlineMs <= Date.now()) {
        this.#waiting.shift()
        first.reject(this.#pool.unavailable('busy until the deadline'))
        continue
      }
      let count = 0
      let calls = 0
      for (const { puts } of this.#waiting) {
        if (calls > 0 && count + puts.length > MAX_PUTS_PER_BATCH) break
        count += puts.length
        calls++
      }
      const group = this.#waiting.splice(0, calls)
      this.#underWay++
      this.#putGroup(group).finally(() => {
        this.#underWay--
        this.#send()
      })
    }
  }

  async #putGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const puts = group.length === 1 ? (group[0] as Waiting).puts : group.flatMap((waiting) => waiting.puts)
      // The strictest caller's deadline is everyone's: they arrived within one commit of each other.
      const deadlineMs = group.reduce((earliest, waiting) => Math.min(earliest, waiting.deadlineMs), Number.POSITIVE_INFINITY)
      const { epoch, outcomes } = await this.#putBatch(puts, deadlineMs)
      let from = 0
      for (const { puts, resolve } of group) {
        resolve({ epoch, outcomes: group.length === 1 ? outcomes : outcomes.slice(from, from + puts.length) })
        from += puts.length
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  async #putBatch(puts: readonly Put[], deadlineMs: number): Promise<PutReply> {
    const outcomes = new Array<PutOutcome>(puts.length).fill(WRITTEN)
    try {
      const { rows } = await this.#pool.use(deadlineMs, (client) => client.query<PutRow>(putStatement(puts)))
      for (const row of rows) if (row.kind !== null) outcomes[row.n - 1] = outcomeOf(row)
      return { epoch: Number(rows[0]?.epoch), outcomes }
    } catch (error) {
      if (!NO_SCHEMA.has(sqlStateOf(error) ?? '')) throw error
      return { epoch: 0, outcomes: outcomes.fill({ kind: 'not-owner', owner: undefined, generation: undefined }) }
    }
  }

  async get(keys: readonly Buffer[], deadlineMs: number): Promise<(Buffer | undefined)[]> {
    const found = new Array<Buffer | undefined>(keys.length)
    for (let from = 0; from < keys.length; from += MAX_KEYS_PER_GET) {
      const values = [Buffer.concat(keys.slice(from, from + MAX_KEYS_PER_GET))]
      const query = { name: 'flk_get', text: 'select n, record from flk.get($1)', values }
      const { rows } = await this.#pool.use(deadlineMs, (client) => client.query<{ n: number; record: Buffer }>(query))
      for (const { n, record } of rows) found[from + n - 1] = record
    }
    return found
  }

  async sweepExpired(slot: SlotId, nowMs: number, limit: number): Promise<number> {
    const query = { name: 'flk_sweep', text: 'select flk.sweep($1, $2, $3)', values: [slot, nowMs, limit] }
    const sweep = () => this.#pool.use(Date.now() + STATEMENT_TIMEOUT_MS, (client) => client.query<{ sweep: string }>(query))
    return Number((await sweep()).rows[0]?.sweep)
  }

  async ping(deadlineMs: number): Promise<void> {
    await this.#pool.use(deadlineMs, (client) => client.query('select 1'))
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

function outcomeOf(row: PutRow): PutOutcome {
  if (row.kind === 'exists') return { kind: 'exists', record: row.record }
  const generation = row.generation === null ? undefined : (row.generation as never)
  return { kind: 'not-owner', owner: row.owner ?? undefined, generation }
}

/** Keys and records travel as one value each: an array of values would be sent, and parsed, as text. */
function putStatement(puts: readonly Put[]): QueryConfig {
  const keys = Buffer.allocUnsafe(puts.length * KEY_BYTES)
  const ends = [0]
  const expiries: number[] = []
  let bytes = 0
  puts.forEach((put, index) => {
    keys.set(put.key, index * KEY_BYTES)
    bytes += put.record.length
    ends.push(bytes)
    expiries.push(put.expiresAtMs)
  })
  const records = Buffer.concat(
    puts.map((put) => put.record),
    bytes,
  )
  // pg would quote each number of an array.
  const values = [keys, `{${expiries.join(',')}}`, records, `{${ends.join(',')}}`]
  return { name: 'flk_put', text: 'select epoch, n, kind, record, owner, generation from flk.put($1, $2, $3, $4)', values }
}
