/**
 * The shards of a simulated fleet: the memory shards of `shards/`, which pass the same conformance suite as Redis and PostgreSQL, with
 * everything that happens inside them noted, and the ways to them.
 */

import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { MemoryShardData } from '@fractal-lba/shards/memory/data'
import { MemoryOwnership } from '@fractal-lba/shards/memory/ownership'
import { MemoryRecords } from '@fractal-lba/shards/memory/records'
import { MemoryServer } from '@fractal-lba/shards/memory/server'
import {
  type Put,
  type ShardControl,
  type ShardData,
  type ShardId,
  ShardUnavailable,
  type SlotRow,
} from '@fractal-lba/shards/port'
import { StoredShardControl } from '@fractal-lba/shards/shard-control'
import type { Happening } from './events.ts'
import type { CallRates } from './faults.ts'
import type { Endpoint, Network } from './network.ts'
import type { Process } from './process.ts'
import type { Variant } from './variant.ts'

/** Told of what happens inside the shards, at that instant. */
export interface FleetWatch {
  readonly tell: (happening: Happening) => void
  readonly onDecided: (put: Put, shard: ShardId) => void
  /** Rows, records or queues of these slots may have changed; undefined: of any. */
  readonly onTouched: (slots: readonly SlotId[] | undefined) => void
}

export class SimulatedShard implements Endpoint {
  readonly name: string
  alive = true
  readonly server: MemoryServer
  /** Its clock's error. */
  skewMs = 0

  constructor(
    id: ShardId,
    now: () => number,
    onRow: (slot: SlotId, before: SlotRow | undefined, after: SlotRow | undefined) => void,
  ) {
    this.name = id
    this.server = new WatchedServer(id, () => now() + this.skewMs, onRow)
  }
}

export class Fleet {
  readonly shards: ReadonlyMap<ShardId, SimulatedShard>
  readonly slots: readonly SlotId[]
  readonly #network: Network
  readonly #variant: Variant
  readonly #watch: FleetWatch
  /** Whose call is being carried out. */
  #caller = { process: 'founder', call: 'initialise' }

  constructor(
    ids: readonly ShardId[],
    slots: readonly SlotId[],
    parts: { readonly now: () => number; readonly network: Network; readonly variant: Variant; readonly watch: FleetWatch },
  ) {
    this.slots = slots
    this.#network = parts.network
    this.#variant = parts.variant
    this.#watch = parts.watch
    this.shards = new Map(
      ids.map((id) => [
        id,
        new SimulatedShard(id, parts.now, (slot, before, after) =>
          parts.watch.tell({ kind: 'row', ...this.#caller, shard: id, slot, before, after }),
        ),
      ]),
    )
  }

  async found(owners: readonly ShardId[], vnodes: number): Promise<void> {
    const placement = placeSlots(owners, vnodes)
    for (const owner of owners) {
      const control = controlOf(this.#server(owner))
      const owned = this.slots.filter((slot) => owners[placement[slot] as number] === owner)
      await control.initialise({ id: 'fleet', initialOwners: owners }, owned)
      await control.markFleetReady()
    }
  }

  /** The control plane of a shard, as `process` reaches it. */
  control(id: ShardId, process: Process, rates: () => CallRates): ShardControl {
    const { shardControl, engineControl } = this.#variant
    const server = this.#server(id)
    const inside = shardControl?.(controlOf(server), server) ?? controlOf(server)
    const reached = this.#behindNetwork(inside, id, process, rates)
    return engineControl?.(reached) ?? reached
  }

  /** The data plane of a shard, as `process` reaches it. */
  data(id: ShardId, process: Process, rates: () => CallRates): ShardData {
    const { shardData, podData } = this.#variant
    const server = this.#server(id)
    const inside = shardData?.(new MemoryShardData(server), server) ?? new MemoryShardData(server)
    const reached = this.#behindNetwork(this.#noting(inside), id, process, rates)
    return podData?.(reached) ?? reached
  }

  #server(id: ShardId): MemoryServer {
    const shard = this.shards.get(id)
    if (!shard) throw new Error(`there is no shard ${id}`)
    return shard.server
  }

  /** Notes each decision at the instant that it is made. */
  #noting(data: ShardData): ShardData {
    return {
      id: data.id,
      put: async (puts, deadlineMs) => {
        const reply = await data.put(puts, deadlineMs)
        reply.outcomes.forEach((outcome, index) => {
          if (outcome.kind === 'written') this.#watch.onDecided(puts[index] as Put, data.id)
        })
        return reply
      },
      get: (keys, deadlineMs) => data.get(keys, deadlineMs),
      sweepExpired: (slot, nowMs, limit) => data.sweepExpired(slot, nowMs, limit),
      ping: (deadlineMs) => data.ping(deadlineMs),
      close: () => data.close(),
    }
  }

  #behindNetwork<T extends ShardControl | ShardData>(shard: T, id: ShardId, from: Process, rates: () => CallRates): T {
    const to = this.shards.get(id) as SimulatedShard
    const unanswered = (why: string) => new ShardUnavailable(id, why)
    return new Proxy(shard, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function' || typeof name !== 'string') return member
        if (name === 'close') return async () => undefined
        return (...args: readonly unknown[]) => {
          const work = () => (member as (...args: unknown[]) => Promise<unknown>).apply(target, [...args])
          const perform = () => this.#carryOut({ process: from.name, call: name }, id, args, work)
          return this.#network.call({ from, to, rates: rates(), perform, unanswered })
        }
      },
    })
  }

  async #carryOut(
    caller: { readonly process: string; readonly call: string },
    shard: ShardId,
    args: readonly unknown[],
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    this.#caller = caller
    let problem: string | undefined
    try {
      return await work()
    } catch (error) {
      problem = (error as Error).message
      throw error
    } finally {
      if (!READS.has(caller.call)) this.#watch.onTouched(caller.call === 'put' ? slotsOf(args[0] as readonly Put[]) : undefined)
      this.#watch.tell({ kind: 'call', ...caller, shard, problem })
    }
  }
}

const READS = new Set([
  'describe',
  'exportFrom',
  'readCaptured',
  'captureBacklog',
  'digest',
  'listSlot',
  'measure',
  'ping',
  'get',
])

function slotsOf(puts: readonly Put[]): readonly SlotId[] {
  return puts.map(({ slot }) => slot)
}

function controlOf(server: MemoryServer): ShardControl {
  return new StoredShardControl(server.id, 'memory', {
    ownership: new MemoryOwnership(server),
    records: new MemoryRecords(server),
    close: async () => undefined,
  })
}

/** A memory shard that tells of each change of a slot's row. */
class WatchedServer extends MemoryServer {
  override readonly rows: Map<SlotId, SlotRow>

  constructor(
    id: ShardId,
    now: () => number,
    onRow: (slot: SlotId, before: SlotRow | undefined, after: SlotRow | undefined) => void,
  ) {
    super(id, now)
    this.rows = new WatchedRows(onRow)
  }
}

class WatchedRows extends Map<SlotId, SlotRow> {
  readonly #onRow: (slot: SlotId, before: SlotRow | undefined, after: SlotRow | undefined) => void

  constructor(onRow: (slot: SlotId, before: SlotRow | undefined, after: SlotRow | undefined) => void) {
    super()
    this.#onRow = onRow
  }

  override set(slot: SlotId, row: SlotRow): this {
    const before = this.get(slot)
    super.set(slot, row)
    this.#onRow(slot, before, row)
    return this
  }

  override delete(slot: SlotId): boolean {
    const before = this.get(slot)
    const there = super.delete(slot)
    if (there) this.#onRow(slot, before, undefined)
    return there
  }
}
