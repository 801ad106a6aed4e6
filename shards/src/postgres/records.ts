/** Moving and comparing the records of a PostgreSQL shard: binary COPY from one server into the other, and aggregates for the digests. */
import { SLOT_COUNT, type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { ClientBase } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import {
  type ApplyResult,
  type CaptureBacklog,
  type ExportCursor,
  type Fence,
  type MigrationId,
  type RecordBatch,
  type ShardId,
  ShardRefused,
  type SlotDigest,
} from '../port.ts'
import type { RecordStore } from '../shard-control.ts'
import { APPLY_NEEDS, describeRow } from '../slot-rules.ts'
import { type PostgresPool, sqlStateOf, UNIQUE_VIOLATION } from './connect.ts'
import { eachKey, type Rows, splitRows } from './copy-format.ts'
import type { PostgresOwnership } from './ownership.ts'
import { CONTROL_LOCK } from './program.ts'
import { type RowColumns, rowFromColumns } from './row-columns.ts'

const CALL_DEADLINE_MS = 60_000
const MAX_KEYS_PER_BATCH = 20_000
const MAX_SLOTS_PER_BATCH = 4096
/** Slots that one digest statement covers; their rows are read in one snapshot. */
const MAX_SLOTS_PER_DIGEST = 1024
/** Above this many records of the whole shard, counting a part of them takes seconds, and an estimate does. */
const COUNT_EXACTLY_UP_TO = 200_000

interface MergeRow {
  readonly added: string
  readonly already_there: string
  readonly conflicts: Buffer[]
  readonly torn: SlotId[]
}

export class PostgresRecords implements RecordStore {
  readonly #id: ShardId
  readonly #pool: PostgresPool
  readonly #ownership: PostgresOwnership
  /** Slots where captured records may lie before their copy arrives. It is about speed alone: what is not known here is found by its key. */
  readonly #mixed = new Set<SlotId>()

  constructor(id: ShardId, pool: PostgresPool, ownership: PostgresOwnership) {
    this.#id = id
    this.#pool = pool
    this.#ownership = ownership
  }

  async exportFrom(cursor: ExportCursor, maxKeys: number): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }> {
    const offered = cursor.slots.slice(0, MAX_SLOTS_PER_BATCH)
    const most = Math.max(1, Math.min(maxKeys, MAX_KEYS_PER_BATCH))
    const { firsts, pasts } = rangesOf(offered, cursor.within !== undefined)
    const starts = firsts.map(slotStart)
    // What follows a key is that key and a zero byte.
    if (cursor.within !== undefined) starts[0] = `${Buffer.from(cursor.within, 'hex').toString('hex')}00`
    const payload = await this.#copyOut(exportQuery(starts, pasts.map(slotStart), most))
    let last: Buffer | undefined
    const slots = new Set<SlotId>()
    const keys = eachKey(payload, (key) => {
      slots.add(slotOfKey(key))
      last = key
    })
    // A full batch may have ended inside the slot of its last key; every slot before that one is complete.
    const partial = keys < most ? -1 : offered.indexOf(slotOfKey(last as Buffer))
    const done = partial < 0 ? offered.length : partial
    const remaining = cursor.slots.slice(done)
    return {
      batch: { payload, keys, bytes: payload.length, completes: offered.slice(0, done), slots: [...slots] },
      next: remaining.length === 0 ? undefined : { slots: remaining, within: partial < 0 ? undefined : last?.toString('hex') },
    }
  }

  async apply(fence: Fence, batch: RecordBatch): Promise<ApplyResult> {
    const slots = [...new Set([...batch.slots, ...batch.completes])]
    for (let stale = false; ; stale = true) {
      try {
        return await this.#applyOnce(fence, batch, slots)
      } catch (error) {
        if (!(error instanceof FenceIsLower) || stale) throw error
        await this.#ownership.raiseFence('apply', fence)
      }
    }
  }

  /**
   * A copy goes straight into the table, together with its checkpoint: a crash leaves both or neither, so its keys are not there already.
   * Where they may be after all (its reply was lost, someone else wrote, or records were captured), they are merged: one key that is there
   * would roll back all of the batch.
   */
  async #applyOnce(fence: Fence, batch: RecordBatch, slots: readonly SlotId[]): Promise<ApplyResult> {
    const all = { payload: batch.payload, count: batch.keys }
    const none = { payload: Buffer.alloc(0), count: 0 }
    if (batch.completes.length > 0 || batch.keys === 0) {
      const met = batch.slots.some((slot) => this.#mixed.has(slot))
      const { chosen, others } = met
        ? splitRows(batch.payload, (key) => this.#mixed.has(slotOfKey(key)))
        : { chosen: none, others: all }
      try {
        return await this.#guarded(fence, slots, (client) => takeIn(client, batch, { copied: others, merged: chosen }))
      } catch (error) {
        if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error
      }
    }
    for (const slot of batch.slots) this.#mixed.add(slot)
    return await this.#guarded(fence, slots, (client) => takeIn(client, batch, { copied: none, merged: all }))
  }

  /** One transaction that holds CONTROL shared, if the fence and all slots allow it. */
  async #guarded<T>(fence: Fence, slots: readonly SlotId[], work: (client: ClientBase) => Promise<T>): Promise<T> {
    return await this.#pool.use(deadline(), async (client) => {
      await client.query(`begin; select pg_advisory_xact_lock_shared(${CONTROL_LOCK})`)
      const { rows } = await client.query<{ seen: string | null; bad_slot: SlotId | null }>(
        'select seen, bad_slot from flk.against_apply($1, $2, $3)',
        [fence.generation, fence.migration, slots],
      )
      for (const { seen, bad_slot } of rows) {
        if (seen !== null && Number(seen) > fence.generation)
          throw new ShardRefused(this.#id, 'apply', { kind: 'fenced', seen: Number(seen) })
        if (bad_slot !== null) throw await this.#illegal(client, bad_slot)
      }
      if (rows.length > 0) throw new FenceIsLower()
      const result = await work(client)
      await client.query('commit')
      return result
    })
  }

  async #illegal(client: ClientBase, slot: SlotId): Promise<ShardRefused> {
    const read = 'select slot, role, generation, peer, migration, copy from flk.slot where slot = $1'
    const columns = (await client.query<RowColumns>(read, [slot])).rows[0]
    const is = describeRow(columns && rowFromColumns(columns))
    return new ShardRefused(this.#id, 'apply', { kind: 'illegal', slot, needs: APPLY_NEEDS, is })
  }

  async readCaptured(
    migration: MigrationId,
    slots: readonly SlotId[],
    maxKeys: number,
  ): Promise<{ batch: RecordBatch; token: string } | undefined> {
    const read = {
      name: 'flk_read_captured',
      // A subquery for a value, not a join: without fresh statistics the planner joins the other way round, and takes seconds.
      text: `select c.id, c.slot from (select id, slot from flk.captured where slot = any ($1) offset 0) c
             where (select s.migration = $2 and s.role in ('owned', 'released') from flk.slot s where s.slot = c.slot)
             order by c.id limit $3`,
      values: [slots, migration, Math.min(maxKeys, MAX_KEYS_PER_BATCH)],
    }
    const { rows } = await this.#pool.use(deadline(), (client) => client.query<{ id: string; slot: SlotId }>(read))
    if (rows.length === 0) return undefined
    // By their ids: rows of puts that are still committing may have lower ones, and are left for the next call.
    const ids = rows.map(({ id }) => id).join(',')
    const payload = await this.#copyOut(`select key, expires_at_ms, record from flk.captured where id = any ('{${ids}}')`)
    const batch = {
      payload,
      keys: rows.length,
      bytes: payload.length,
      completes: [],
      slots: [...new Set(rows.map((row) => row.slot))],
    }
    return { batch, token: ids }
  }

  async dropCaptured(fence: Fence, token: string): Promise<void> {
    await this.#pool.use(deadline(), async (client) => {
      await client.query(`begin; select pg_advisory_xact_lock_shared(${CONTROL_LOCK})`)
      const { rows } = await client.query<{ fence: string }>('select fence from flk.meta')
      const seen = Number(rows[0]?.fence)
      if (fence.generation < seen) throw new ShardRefused(this.#id, 'dropCaptured', { kind: 'fenced', seen })
      await client.query('delete from flk.captured where id = any ($1)', [`{${token}}`])
      await client.query('commit')
    })
  }

  async captureBacklog(migration: MigrationId): Promise<CaptureBacklog> {
    const count = {
      name: 'flk_backlog',
      text: `select count(*) as keys, coalesce(greatest(0, flk.now_ms() - min(c.captured_at_ms)), 0) as lag_ms
             from flk.captured c join flk.slot s on s.slot = c.slot where s.migration = $1 and s.role in ('owned', 'released')`,
      values: [migration],
    }
    const { rows } = await this.#pool.use(deadline(), (client) => client.query<{ keys: string; lag_ms: string }>(count))
    return { keys: Number(rows[0]?.keys), lagMs: Number(rows[0]?.lag_ms) }
  }

  async digest(
    slots: readonly SlotId[],
    options: { aliveAtMs: number; withoutCaptured: MigrationId | undefined },
  ): Promise<SlotDigest[]> {
    const digests: SlotDigest[] = []
    for (let from = 0; from < slots.length; from += MAX_SLOTS_PER_DIGEST) {
      const some = slots.slice(from, from + MAX_SLOTS_PER_DIGEST)
      const values = [some, options.aliveAtMs, options.withoutCaptured ?? null]
      const query = { name: 'flk_digest', text: 'select slot, count, digest from flk.digest($1, $2, $3)', values }
      const { rows } = await this.#pool.use(deadline(), (client) =>
        client.query<{ slot: SlotId; count: string; digest: string }>(query),
      )
      const found = new Map(rows.map((row) => [row.slot, row]))
      for (const slot of some) {
        const row = found.get(slot)
        const bits = BigInt(`0b${row?.digest ?? '0'}`)
        digests.push({ slot, count: Number(row?.count), digest: `sha256-xor:${bits.toString(16).padStart(64, '0')}` })
      }
    }
    return digests
  }

  async listSlot(slot: SlotId, aliveAtMs: number): Promise<Map<string, string>> {
    const query = {
      name: 'flk_list',
      text: `select encode(key, 'hex') as key, encode(sha256(key || int8send(expires_at_ms) || record), 'hex') as digest from flk.decision
             where key >= flk.slot_start($1) and key < flk.slot_start($1 + 1) and expires_at_ms > $2`,
      values: [slot, aliveAtMs],
    }
    const { rows } = await this.#pool.use(deadline(), (client) => client.query<{ key: string; digest: string }>(query))
    return new Map(rows.map(({ key, digest }) => [key, digest]))
  }

  async measure(slots: readonly SlotId[]): Promise<{ keys: number; bytes: number }> {
    return await this.#pool.use(deadline(), async (client) => {
      const { rows } = await client.query<{ estimate: string; slots: string }>(
        `select greatest(c.reltuples, 0)::bigint as estimate, (select count(*) from flk.slot) as slots from pg_class c where c.oid = 'flk.decision'::regclass`,
      )
      const total = Number(rows[0]?.estimate)
      if (total > COUNT_EXACTLY_UP_TO) {
        const sample = await client.query<{ mean: string | null }>(
          'select avg(40 + length(record)) as mean from flk.decision tablesample system (0.1)',
        )
        const keys = Math.round((total * slots.length) / Math.max(1, Number(rows[0]?.slots)))
        return { keys, bytes: Math.round(keys * Number(sample.rows[0]?.mean ?? 0)) }
      }
      const counted = await client.query<{ keys: string; bytes: string }>(
        `select count(*) as keys, coalesce(sum(40 + length(d.record)), 0) as bytes
         from unnest($1::int[]) as u (slot) join flk.decision d on d.key >= flk.slot_start(u.slot) and d.key < flk.slot_start(u.slot + 1)`,
        [slots],
      )
      return { keys: Number(counted.rows[0]?.keys), bytes: Number(counted.rows[0]?.bytes) }
    })
  }

  async #copyOut(query: string): Promise<Buffer> {
    return await this.#pool.use(deadline(), async (client) => {
      const chunks: Buffer[] = []
      for await (const chunk of client.query(copyTo(`copy (${query}) to stdout (format binary)`))) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    })
  }
}

/** The fence at the shard is lower than the caller's and has to be raised first. */
class FenceIsLower extends Error {}

const deadline = () => Date.now() + CALL_DEADLINE_MS

/** What of a batch goes straight into the table, what is merged, and its checkpoint. */
async function takeIn(
  client: ClientBase,
  { completes }: RecordBatch,
  { copied, merged }: { copied: Rows; merged: Rows },
): Promise<ApplyResult> {
  if (copied.count > 0) await copyIn(client, 'flk.decision', copied.payload)
  const { added, already_there, conflicts, torn } = merged.count > 0 ? await merge(client, merged.payload) : NOTHING_MERGED
  await client.query('select flk.mark_copied($1)', [completes.filter((slot) => !torn.includes(slot))])
  return { added: copied.count + Number(added), alreadyThere: Number(already_there), conflicts }
}

const NOTHING_MERGED: MergeRow = { added: '0', already_there: '0', conflicts: [], torn: [] }

async function merge(client: ClientBase, payload: Buffer): Promise<MergeRow> {
  await client.query('create temp table if not exists flk_incoming (like flk.decision) on commit delete rows')
  await copyIn(client, 'flk_incoming', payload)
  const { rows } = await client.query<MergeRow>('select added, already_there, conflicts, torn from flk.merge_incoming()')
  return rows[0] as MergeRow
}

async function copyIn(client: ClientBase, table: string, payload: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stream = client.query(copyFrom(`copy ${table} (key, expires_at_ms, record) from stdin (format binary)`))
  stream.on('error', reject).on('finish', resolve)
  stream.end(payload)
  await promise
}

/**
 * Rows of key ranges [start, end), in their order, at most `most`. A nested loop over the ranges, each an index scan in the order of keys that stops
 * at the limit: it streams, where a function that returns rows would first collect them.
 */
function exportQuery(starts: readonly string[], ends: readonly string[], most: number): string {
  const keys = (list: readonly string[]) => `'{${list.map((hex) => `"\\\\x${hex}"`).join(',')}}'::bytea[]`
  return `select d.key, d.expires_at_ms, d.record
    from unnest(${keys(starts)}, ${keys(ends)}) with ordinality as range (first, past, n)
    cross join lateral (
      select * from flk.decision d where d.key >= range.first and d.key < range.past order by d.key limit ${most}
    ) d
    limit ${most}`
}

/** Where the keys of a slot begin, in hex, as flk.slot_start has it. */
function slotStart(slot: number): string {
  return slot < SLOT_COUNT ? (slot << 2).toString(16).padStart(4, '0') : 'ff'.repeat(33)
}

/** Slots that follow each other are one range of keys; the first slot is one of its own when it is resumed inside. */
function rangesOf(slots: readonly SlotId[], resumed: boolean): { firsts: number[]; pasts: number[] } {
  const firsts: number[] = []
  const pasts: number[] = []
  slots.forEach((slot, at) => {
    if (at > 0 && pasts.at(-1) === slot && !(resumed && at === 1)) pasts[pasts.length - 1] = slot + 1
    else {
      firsts.push(slot)
      pasts.push(slot + 1)
    }
  })
  return { firsts, pasts }
}
