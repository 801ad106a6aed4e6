/**
 * Who owns what at a Redis shard. Each change is: read the rows, judge them (slot-rules.ts), and write them on the condition that they
 * and the fence are still as they were read. Someone else's change in between means reading again.
 */
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { judgeRows, type RowChange, refusal } from '../judge-rows.ts'
import { judgeLease, type LeaseRequest, type StoredLease } from '../lease-rule.ts'
import { type Fence, type MigrationId, type ShardDescription, type ShardId, ShardRefused, type SlotRow } from '../port.ts'
import type { ChangeOptions, FleetRecord, OwnershipStore } from '../shard-control.ts'
import { captureOwner, discardRule, type SlotRule } from '../slot-rules.ts'
import { acknowledged, connectedReplicas } from './acknowledge.ts'
import type { RedisConnection } from './connect.ts'
import type { Script } from './program.ts'
import { CHANGE, DISCARD, PUT_MIGRATION } from './program-ownership.ts'
import { rowFromText, rowToText } from './row-text.ts'
import { serverWarnings } from './server-warnings.ts'

/** Rows that say that they are the same are believed for so long. */
const ROWS_READ_ANEW_AFTER_MS = 2000
const CALL_DEADLINE_MS = 15_000
const MAX_RACES = 50

interface RowGroup {
  readonly before: string
  readonly after: string
  readonly slots: SlotId[]
}

interface FieldChange {
  readonly field: string
  readonly before: string
  readonly after: string
}

interface Change {
  readonly fence?: number
  readonly fields: readonly FieldChange[]
  readonly groups: readonly RowGroup[]
  readonly empty: readonly SlotId[]
  readonly idle: readonly SlotId[]
  readonly drop: readonly { readonly slots: readonly SlotId[]; readonly migration: MigrationId }[]
  readonly epoch: 0 | 1
}

type ChangeReply = { readonly kind: 'ok' | 'raced' } | { readonly kind: 'records' | 'queued'; readonly slot: SlotId }

export class RedisOwnership implements OwnershipStore {
  readonly #id: ShardId
  readonly #connection: RedisConnection
  /** The rows as they were last read, and the name that the shard gave to that state of them. */
  #lastRead: { readonly name: string; readonly atMs: number; readonly slots: readonly SlotRow[] } | undefined

  constructor(id: ShardId, connection: RedisConnection) {
    this.#id = id
    this.#connection = connection
  }

  async describe(): Promise<ShardDescription> {
    const [meta, migrations, nowMs, replicas, warnings] = await Promise.all([
      this.#hash('flk:meta'),
      this.#hash('flk:migrations'),
      this.#nowMs(),
      connectedReplicas(this.#connection, deadline()),
      serverWarnings(this.#connection, deadline()),
    ])
    const fleet = meta.get('fleet')
    const lease = leaseFromText(meta.get('lease'))
    return {
      id: this.#id,
      fleet: fleet === undefined ? undefined : { ...(JSON.parse(fleet) as FleetRecord), ready: meta.get('ready') === '1' },
      epoch: Number(meta.get('epoch') ?? 0),
      lease:
        lease && lease.untilMs > nowMs
          ? { generation: lease.generation, holder: lease.holder, remainingMs: lease.untilMs - nowMs }
          : undefined,
      fence: Number(meta.get('fence') ?? 0),
      slots: await this.#rowsNamed(meta.get('rows')),
      migrations: migrations as Map<string, string> as Map<MigrationId, string>,
      replicas,
      warnings,
    }
  }

  /**
   * All rows. An engine looks many times a second at thousands of them, most often at the same ones again. Their name was read before they are: rows
   * that change in between are kept under a name that is never met again. Read anew from time to time all the same: what gives no names (a person
   * with redis-cli, an older release) is seen late, but it is seen.
   */
  async #rowsNamed(name: string | undefined): Promise<readonly SlotRow[]> {
    const atMs = Date.now()
    const known = this.#lastRead
    if (name !== undefined && known?.name === name && Math.abs(atMs - known.atMs) < ROWS_READ_ANEW_AFTER_MS) return known.slots
    const slots = [...(await this.#hash('flk:slots'))]
      .map(([slot, text]) => rowFromText(Number(slot) as SlotId, text) as SlotRow)
      .sort((a, b) => a.slot - b.slot)
    this.#lastRead = name === undefined ? undefined : { name, atMs, slots }
    return slots
  }

  async initialise(fleet: FleetRecord, owned: readonly SlotId[]): Promise<void> {
    await this.#untilNotRaced(async () => {
      // In this order: rows without a fleet that is read after them are not those of an initialise under way.
      const hasRows = (await this.#connection.command('HLEN', ['flk:slots'], deadline())) !== 0
      const meta = await this.#hash('flk:meta')
      const recorded = meta.get('fleet')
      if (recorded !== undefined) {
        const { id } = JSON.parse(recorded) as FleetRecord
        if (id !== fleet.id) throw new ShardRefused(this.#id, 'initialise', { kind: 'other-fleet', fleet: id })
        // Each pod that starts asks: no replica is waited for where all was acknowledged before it was marked as ready.
        if (meta.get('ready') !== '1') await acknowledged(this.#connection, deadline())
        return true
      }
      if (hasRows) throw new ShardRefused(this.#id, 'initialise', { kind: 'other-fleet', fleet: undefined })
      const after = JSON.stringify({ id: fleet.id, initialOwners: fleet.initialOwners })
      const reply = await this.#write('initialise', {
        fields: [{ field: 'fleet', before: '', after }],
        groups: [{ before: '', after: 'owned 1', slots: [...owned] }],
        empty: Array.from({ length: SLOT_COUNT }, (_, slot) => slot as SlotId),
        idle: [],
        drop: [],
        epoch: 1,
      })
      if (reply.kind === 'records') throw new ShardRefused(this.#id, 'initialise', { kind: 'other-fleet', fleet: undefined })
      if (reply.kind === 'ok') await acknowledged(this.#connection, deadline())
      return reply.kind === 'ok'
    })
  }

  async markFleetReady(): Promise<void> {
    await this.#connection.command('HSET', ['flk:meta', 'ready', '1'], deadline())
    await acknowledged(this.#connection, deadline())
  }

  async acquireLease(request: LeaseRequest): Promise<void> {
    await this.#untilNotRaced(async () => {
      const meta = await this.#hash('flk:meta')
      const before = meta.get('lease') ?? ''
      const fence = Number(meta.get('fence') ?? 0)
      const judged = judgeLease(leaseFromText(before), fence, request, await this.#nowMs())
      if (judged.kind === 'refused') throw new ShardRefused(this.#id, 'acquireLease', judged.refusal)
      const { generation, untilMs, holder } = judged.lease
      const fields = [{ field: 'lease', before, after: `${generation} ${untilMs} ${holder}` }]
      const reply = await this.#write('acquireLease', { ...NOTHING, fence: generation, fields })
      if (reply.kind === 'ok') await acknowledged(this.#connection, deadline())
      return reply.kind === 'ok'
    })
  }

  async releaseLease(generation: number): Promise<void> {
    await this.#untilNotRaced(async () => {
      const before = (await this.#hash('flk:meta')).get('lease') ?? ''
      const lease = leaseFromText(before)
      if (lease?.generation !== generation) return true
      const fields = [{ field: 'lease', before, after: `${generation} 0 ${lease.holder}` }]
      return (await this.#write('releaseLease', { ...NOTHING, fields })).kind === 'ok'
    })
  }

  async putMigration(fence: Fence, document: string): Promise<void> {
    await this.#guarded('putMigration', PUT_MIGRATION, [fence.generation, fence.migration, document])
  }

  async change(rule: SlotRule, fence: Fence, slots: readonly SlotId[], options: ChangeOptions): Promise<void> {
    await this.#untilNotRaced(async () => {
      const changes = await this.#judge(rule, fence, slots)
      const dropped = options.dropQueues
        ? changes.filter(({ before, after }) => captureOwner(before) && !captureOwner(after))
        : []
      const reply = await this.#write(rule.call, {
        fence: fence.generation,
        fields: [],
        groups: grouped(changes),
        empty: options.mustBeEmpty ? changes.map(({ slot }) => slot) : [],
        idle: [],
        drop: dropped.length > 0 ? [{ slots: dropped.map(({ slot }) => slot), migration: fence.migration }] : [],
        epoch: options.ownership && changes.length > 0 ? 1 : 0,
      })
      if (reply.kind === 'records') throw refusal(this.#id, rule, reply.slot, 'holding records')
      if (reply.kind === 'ok') await acknowledged(this.#connection, deadline())
      return reply.kind === 'ok'
    })
  }

  async discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }> {
    const rule = discardRule(fence.migration)
    let result = { deleted: 0, done: false }
    await this.#untilNotRaced(async () => {
      const changes = await this.#judge(rule, fence, slots)
      const changing = new Set(changes.map(({ slot }) => slot))
      const unchanged = slots.filter((slot) => !changing.has(slot))
      const rows = await this.#rows(unchanged)
      const groups = grouped([...changes, ...unchanged.map((slot) => ({ slot, before: rows.get(slot), after: rows.get(slot) }))])
      const reply = await this.#guarded('discard', DISCARD, [JSON.stringify({ fence: fence.generation, groups, limit })])
      if (reply[0] === 'queued') throw refusal(this.#id, rule, reply[1] as SlotId, 'holding captured records')
      if (reply[0] === 'ok') result = { deleted: reply[1] as number, done: reply[2] === 1 }
      return reply[0] === 'ok'
    })
    return result
  }

  /** Runs a script that begins with the fence. @throws ShardRefused when that refuses. */
  async #guarded(call: string, script: Script, args: readonly (string | number | Buffer)[]): Promise<(string | number)[]> {
    const reply = (await this.#connection.run(script, args, deadline())) as (Buffer | number)[]
    const [kind, ...rest] = reply.map((part) => (Buffer.isBuffer(part) ? part.toString() : part))
    if (kind === 'fenced') throw new ShardRefused(this.#id, call, { kind: 'fenced', seen: rest[0] as number })
    return [kind as string, ...rest]
  }

  async #write(call: string, change: Change): Promise<ChangeReply> {
    const [kind, slot] = await this.#guarded(call, CHANGE, [JSON.stringify(change)])
    return kind === 'records' || kind === 'queued' ? { kind, slot: slot as SlotId } : { kind: kind as 'ok' | 'raced' }
  }

  async #judge(rule: SlotRule, fence: Fence, slots: readonly SlotId[]): Promise<RowChange[]> {
    const [seen, rows] = await Promise.all([
      this.#connection.command('HGET', ['flk:meta', 'fence'], deadline()),
      this.#rows(slots),
    ])
    if (fence.generation < Number(seen ?? 0)) throw new ShardRefused(this.#id, rule.call, { kind: 'fenced', seen: Number(seen) })
    return judgeRows(this.#id, rule, slots, (slot) => rows.get(slot))
  }

  async #rows(slots: readonly SlotId[]): Promise<Map<SlotId, SlotRow | undefined>> {
    if (slots.length === 0) return new Map()
    const texts = (await this.#connection.command('HMGET', ['flk:slots', ...slots], deadline())) as (Buffer | null)[]
    return new Map(slots.map((slot, at) => [slot, rowFromText(slot, texts[at]?.toString() ?? '')]))
  }

  async #hash(key: string): Promise<Map<string, string>> {
    const flat = (await this.#connection.command('HGETALL', [key], deadline())) as Buffer[]
    const map = new Map<string, string>()
    for (let at = 0; at < flat.length; at += 2) map.set(String(flat[at]), String(flat[at + 1]))
    return map
  }

  async #nowMs(): Promise<number> {
    const [seconds, micros] = (await this.#connection.command('TIME', [], deadline())) as [Buffer, Buffer]
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  }

  async #untilNotRaced(attempt: () => Promise<boolean>): Promise<void> {
    for (let races = 0; races < MAX_RACES; races++) if (await attempt()) return
    throw this.#connection.unavailable('its slots are being changed by others all the time')
  }
}

const NOTHING = { fields: [], groups: [], empty: [], idle: [], drop: [], epoch: 0 } as const

const deadline = () => Date.now() + CALL_DEADLINE_MS

/** Thousands of slots change alike: a script call carries each pair of texts once. */
function grouped(changes: readonly RowChange[]): RowGroup[] {
  const groups = new Map<string, RowGroup>()
  for (const { slot, before, after } of changes) {
    const texts = { before: rowToText(before), after: rowToText(after) }
    const name = `${texts.before}>${texts.after}`
    const group = groups.get(name)
    if (group) group.slots.push(slot)
    else groups.set(name, { ...texts, slots: [slot] })
  }
  return [...groups.values()]
}

function leaseFromText(text: string | undefined): StoredLease | undefined {
  const parts = /^(\d+) (\d+) (.*)$/s.exec(text ?? '')
  return parts ? { generation: Number(parts[1]), untilMs: Number(parts[2]), holder: parts[3] as string } : undefined
}
