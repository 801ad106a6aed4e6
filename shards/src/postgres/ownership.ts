/**
 * Who owns what at a PostgreSQL shard. A change is one transaction that holds the CONTROL lock: read the rows, judge them
 * (slot-rules.ts), write them, and, where puts must not be under way across it, take the PUTS lock as the very last thing before the
 * commit: puts wait for the commit alone, not for thousands of rows.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ClientBase } from 'pg'
import { judgeRows, type RowChange, refusal } from '../judge-rows.ts'
import { judgeLease, type LeaseRequest, type StoredLease } from '../lease-rule.ts'
import { type Fence, type MigrationId, type ShardDescription, type ShardId, ShardRefused, type SlotRow } from '../port.ts'
import type { ChangeOptions, FleetRecord, OwnershipStore } from '../shard-control.ts'
import { discardRule, type SlotRule } from '../slot-rules.ts'
import { acknowledged, connectedReplicas } from './acknowledge.ts'
import { LOCK_NOT_AVAILABLE, type PostgresPool, sqlStateOf } from './connect.ts'
import { CONTROL_LOCK, INSTALL_PROGRAM, PROGRAM_VERSION, PUTS_LOCK } from './program.ts'
import { type RowColumns, rowFromColumns, rowToColumns } from './row-columns.ts'
import { serverWarnings } from './server-warnings.ts'

const CALL_DEADLINE_MS = 30_000
/** Puts queue behind a waiting exclusive lock. When a slow put holds it longer than this, they are let through and we try again. */
const PUTS_LOCK_PATIENCE_MS = 100
const PUTS_LOCK_ATTEMPTS = 60
const PUTS_LOCK_PAUSE_MS = 50

interface Meta {
  readonly fleet: FleetRecord | undefined
  readonly ready: boolean
  readonly epoch: number
  readonly fence: number
  readonly lease: StoredLease | undefined
  readonly nowMs: number
}

export class PostgresOwnership implements OwnershipStore {
  readonly #id: ShardId
  readonly #pool: PostgresPool

  constructor(id: ShardId, pool: PostgresPool) {
    this.#id = id
    this.#pool = pool
  }

  async describe(): Promise<ShardDescription> {
    return await this.#pool.use(deadline(), async (client) => {
      // Asked before the snapshot is taken: catalogue functions see an installation that the snapshot is too old for.
      const installed = await isInstalled(client)
      await client.query('begin isolation level repeatable read read only')
      const warnings = await serverWarnings(client)
      const replicas = (await connectedReplicas(client)) ?? 0
      const described = installed ? await this.#describeFleet(client) : EMPTY
      await client.query('commit')
      return { id: this.#id, ...described, replicas, warnings }
    })
  }

  async #describeFleet(client: ClientBase): Promise<Omit<ShardDescription, 'id' | 'replicas' | 'warnings'>> {
    const { fleet, ready, epoch, fence, lease, nowMs } = await readMeta(client)
    // Thousands of slots are in few states: each is sent once.
    const states = await client.query<Omit<RowColumns, 'slot'> & { slots: string }>(
      `select role, generation, peer, migration, copy, string_agg(slot::text, ',') as slots
       from flk.slot group by role, generation, peer, migration, copy`,
    )
    const migrations = await client.query<{ id: MigrationId; document: string }>('select id, document from flk.migration')
    return {
      fleet: fleet && { ...fleet, ready },
      epoch,
      fence,
      lease:
        lease && lease.untilMs > nowMs
          ? { generation: lease.generation, holder: lease.holder, remainingMs: lease.untilMs - nowMs }
          : undefined,
      slots: states.rows
        .flatMap(({ slots, ...state }) =>
          slots.split(',').map((slot) => rowFromColumns({ ...state, slot: Number(slot) as SlotId })),
        )
        .sort((a, b) => a.slot - b.slot),
      migrations: new Map(migrations.rows.map(({ id, document }) => [id, document])),
    }
  }

  async initialise(fleet: FleetRecord, owned: readonly SlotId[]): Promise<void> {
    await this.#install()
    const recorded = async (client: ClientBase): Promise<{ readonly ready: boolean } | undefined> => {
      const { fleet: present, ready } = await readMeta(client)
      if (present && present.id !== fleet.id)
        throw new ShardRefused(this.#id, 'initialise', { kind: 'other-fleet', fleet: present.id })
      return present && { ready }
    }
    // Each pod that starts asks: no put is held up, and no replica waited for, where all was acknowledged before it was marked as ready.
    if ((await this.#pool.use(deadline(), recorded))?.ready) return
    await this.#transaction({ quiesce: true }, async (client) => {
      if (await recorded(client)) return
      const { rows } = await client.query<{ used: boolean }>(
        'select exists (select from flk.slot) or exists (select from flk.decision) as used',
      )
      if (rows[0]?.used) throw new ShardRefused(this.#id, 'initialise', { kind: 'other-fleet', fleet: undefined })
      await client.query('update flk.meta set fleet_id = $1, initial_owners = $2', [fleet.id, fleet.initialOwners])
      await writeRows(
        client,
        owned.map((slot) => ({
          slot,
          before: undefined,
          after: { slot, role: 'owned', generation: 1 as never, capture: undefined },
        })),
      )
      await client.query('select flk.refresh_ownership($1, 1)', [owned])
    })
  }

  async #install(): Promise<void> {
    await this.#pool.use(deadline(), async (client) => {
      if ((await installedVersion(client)) !== PROGRAM_VERSION) await client.query(INSTALL_PROGRAM)
    })
  }

  async markFleetReady(): Promise<void> {
    await this.#transaction({}, (client) => client.query('update flk.meta set ready = true'))
  }

  async acquireLease(request: LeaseRequest): Promise<void> {
    // Whoever is about to initialise an empty server takes its lease first.
    await this.#install()
    await this.#transaction({}, async (client) => {
      const { lease, fence, nowMs } = await readMeta(client)
      const judged = judgeLease(lease, fence, request, nowMs)
      if (judged.kind === 'refused') throw new ShardRefused(this.#id, 'acquireLease', judged.refusal)
      const { generation, holder, untilMs } = judged.lease
      await client.query('update flk.meta set fence = $1, lease_generation = $1, lease_holder = $2, lease_until_ms = $3', [
        generation,
        holder,
        untilMs,
      ])
    })
  }

  async releaseLease(generation: number): Promise<void> {
    await this.#transaction({}, (client) =>
      client.query('update flk.meta set lease_until_ms = 0 where lease_generation = $1', [generation]),
    )
  }

  async putMigration(fence: Fence, document: string): Promise<void> {
    await this.#transaction({}, async (client) => {
      await this.#checkFence(client, 'putMigration', fence)
      await client.query(
        'insert into flk.migration (id, document) values ($1, $2) on conflict (id) do update set document = excluded.document',
        [fence.migration, document],
      )
    })
  }

  async change(rule: SlotRule, fence: Fence, slots: readonly SlotId[], options: ChangeOptions): Promise<void> {
    await this.#transaction(options, async (client) => {
      await this.#checkFence(client, rule.call, fence)
      const changes = await this.#judge(client, rule, slots)
      if (options.mustBeEmpty) {
        const holding = await client.query<{ holding: SlotId }>('select * from flk.holding($1) limit 1', [
          changes.map(({ slot }) => slot),
        ])
        if (holding.rows[0]) throw refusal(this.#id, rule, holding.rows[0].holding, 'holding records')
      }
      await writeRows(client, changes)
      if (options.quiesce && changes.length > 0)
        await client.query('select flk.refresh_ownership($1, $2)', [changes.map(({ slot }) => slot), options.ownership ? 1 : 0])
    })
    if (options.dropQueues) await this.#dropQueues(slots)
  }

  /**
   * After the commit: only then no put can append any more. A crash in between leaves rows that nobody reads, since the slot is
   * captured for no one; a repeat of the call deletes them, and if a later capture meets them they are records of this shard all the same.
   */
  async #dropQueues(slots: readonly SlotId[]): Promise<void> {
    await this.#transaction({}, (client) =>
      client.query(
        `delete from flk.captured c using flk.slot s
         where c.slot = any ($1) and s.slot = c.slot and (s.peer is null or s.role = 'importing')`,
        [slots],
      ),
    )
  }

  async discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }> {
    const rule = discardRule(fence.migration)
    return await this.#transaction({}, async (client) => {
      await this.#checkFence(client, rule.call, fence)
      const changes = await this.#judge(client, rule, slots)
      const queued = await client.query<{ slot: SlotId }>('select slot from flk.captured where slot = any ($1) limit 1', [slots])
      if (queued.rows[0]) throw refusal(this.#id, rule, queued.rows[0].slot, 'holding captured records')
      const discarded = await client.query<{ discard: string }>('select flk.discard($1, $2)', [slots, limit])
      const left = await client.query<{ holding: SlotId }>('select * from flk.holding($1)', [slots])
      const holding = new Set(left.rows.map((row) => row.holding))
      await writeRows(
        client,
        changes.filter(({ slot }) => !holding.has(slot)),
      )
      return { deleted: Number(discarded.rows[0]?.discard), done: holding.size === 0 }
    })
  }

  async #judge(client: ClientBase, rule: SlotRule, slots: readonly SlotId[]): Promise<RowChange[]> {
    const read = 'select slot, role, generation, peer, migration, copy from flk.slot where slot = any ($1)'
    const { rows } = await client.query<RowColumns>(read, [slots])
    const found = new Map<SlotId, SlotRow>(rows.map((columns) => [columns.slot, rowFromColumns(columns)]))
    return judgeRows(this.#id, rule, slots, (slot) => found.get(slot))
  }

  async #checkFence(client: ClientBase, call: string, fence: Fence): Promise<void> {
    const { fence: seen } = await readMeta(client)
    if (fence.generation < seen) throw new ShardRefused(this.#id, call, { kind: 'fenced', seen })
    if (fence.generation > seen) await client.query('update flk.meta set fence = $1', [fence.generation])
  }

  /** Raises the fence alone; for calls that hold CONTROL shared, and so may not write it themselves. */
  async raiseFence(call: string, fence: Fence): Promise<void> {
    await this.#transaction({}, (client) => this.#checkFence(client, call, fence))
  }

  /** One transaction under the CONTROL lock, repeated while the PUTS lock is not to be had. */
  async #transaction<T>(options: { readonly quiesce?: boolean }, work: (client: ClientBase) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#pool.use(deadline(), async (client) => {
          await client.query(`begin; select pg_advisory_xact_lock(${CONTROL_LOCK})`)
          const result = await work(client)
          // Both in one message: puts that wait for the lock must not wait for our round trip, too.
          const quiesce = `set local lock_timeout = ${PUTS_LOCK_PATIENCE_MS}; select pg_advisory_xact_lock(${PUTS_LOCK});`
          await client.query(`${options.quiesce ? quiesce : ''} commit`)
          const missing = await acknowledged(client)
          if (missing) throw this.#pool.unavailable(missing)
          return result
        })
      } catch (error) {
        if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || attempt >= PUTS_LOCK_ATTEMPTS) throw error
        await new Promise((resolve) => setTimeout(resolve, PUTS_LOCK_PAUSE_MS))
      }
    }
  }
}

const EMPTY = { fleet: undefined, epoch: 0, fence: 0, lease: undefined, slots: [], migrations: new Map<MigrationId, string>() }

const deadline = () => Date.now() + CALL_DEADLINE_MS

async function isInstalled(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass('flk.meta') is not null as there`)
  return rows[0]?.there ?? false
}

async function installedVersion(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ comment: string | null }>(
    `select obj_description(to_regnamespace('flk')::oid, 'pg_namespace') as comment`,
  )
  return / program (\w+)$/.exec(rows[0]?.comment ?? '')?.[1]
}

async function readMeta(client: ClientBase): Promise<Meta> {
  const { rows } = await client.query<
    Record<'fleet_id' | 'epoch' | 'fence' | 'lease_generation' | 'lease_holder' | 'lease_until_ms' | 'now_ms', string | null> & {
      ready: boolean
      initial_owners: ShardId[]
    }
  >(
    'select fleet_id, initial_owners, ready, o.epoch, fence, lease_generation, lease_holder, lease_until_ms, flk.now_ms() as now_ms from flk.meta, flk.ownership o',
  )
  const row = rows[0]
  if (!row) throw new Error('flk.meta has lost its row')
  const lease =
    row.lease_generation === null
      ? undefined
      : { generation: Number(row.lease_generation), holder: row.lease_holder ?? '', untilMs: Number(row.lease_until_ms) }
  return {
    fleet: row.fleet_id === null ? undefined : { id: row.fleet_id, initialOwners: row.initial_owners },
    ready: row.ready,
    epoch: Number(row.epoch),
    fence: Number(row.fence),
    lease,
    nowMs: Number(row.now_ms),
  }
}

async function writeRows(client: ClientBase, changes: readonly RowChange[]): Promise<void> {
  const gone = changes.filter(({ after }) => !after).map(({ slot }) => slot)
  const rows = changes.flatMap(({ after }) => (after ? [rowToColumns(after)] : []))
  if (gone.length > 0) await client.query('delete from flk.slot where slot = any ($1)', [gone])
  if (rows.length === 0) return
  await client.query(
    `insert into flk.slot (slot, role, generation, peer, migration, copy)
     select * from unnest($1::int[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[])
     on conflict (slot) do update set role = excluded.role, generation = excluded.generation, peer = excluded.peer,
       migration = excluded.migration, copy = excluded.copy`,
    [
      rows.map((row) => row.slot),
      rows.map((row) => row.role),
      rows.map((row) => row.generation),
      rows.map((row) => row.peer),
      rows.map((row) => row.migration),
      rows.map((row) => row.copy),
    ],
  )
}
