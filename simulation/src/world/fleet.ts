/** The shards of a simulated fleet, and what must hold of them at every moment, read from their insides. */

import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { MemoryShardData } from '@fractal-lba/shards/memory/data'
import { MemoryOwnership } from '@fractal-lba/shards/memory/ownership'
import { MemoryRecords } from '@fractal-lba/shards/memory/records'
import { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { Put, PutReply, ShardControl, ShardData, ShardId } from '@fractal-lba/shards/port'
import { StoredShardControl } from '@fractal-lba/shards/shard-control'
import type { Scheduler } from './scheduler.ts'

export interface Decided {
  readonly slot: SlotId
  readonly record: Buffer
  readonly expiresAtMs: number
}

export class Fleet {
  readonly servers: ReadonlyMap<ShardId, MemoryServer>
  readonly slots: readonly SlotId[]
  /** Every record that any shard has accepted, by key: what the fleet has promised. */
  readonly decided = new Map<string, Decided>()
  readonly #owners = new Map<SlotId, ShardId>()
  readonly #scheduler: Scheduler

  constructor(ids: readonly ShardId[], slots: readonly SlotId[], scheduler: Scheduler) {
    this.servers = new Map(ids.map((id) => [id, new MemoryServer(id, () => scheduler.now())]))
    this.slots = slots
    this.#scheduler = scheduler
  }

  async found(owners: readonly ShardId[], vnodes: number): Promise<void> {
    const placement = placeSlots(owners, vnodes)
    for (const owner of owners) {
      const control = this.control(owner)
      await control.initialise(
        { id: 'fleet', initialOwners: owners },
        this.slots.filter((slot) => owners[placement[slot]!] === owner),
      )
      await control.markFleetReady()
    }
  }

  control(id: ShardId): ShardControl {
    const server = this.servers.get(id)!
    return new StoredShardControl(id, 'memory', {
      ownership: new MemoryOwnership(server),
      records: new MemoryRecords(server),
      close: async () => undefined,
    })
  }

  /** The data plane, which also notes each decision at the instant that it is made. */
  data(id: ShardId): ShardData {
    const data = new MemoryShardData(this.servers.get(id)!)
    return {
      id,
      put: async (puts: readonly Put[]): Promise<PutReply> => {
        const reply = await data.put(puts)
        reply.outcomes.forEach((outcome, index) => {
          if (outcome.kind === 'written') this.#decide(puts[index]!)
        })
        return reply
      },
      get: (keys) => data.get(keys),
      sweepExpired: (slot, nowMs, limit) => data.sweepExpired(slot, nowMs, limit),
      ping: () => data.ping(),
      close: () => data.close(),
    }
  }

  #decide({ key, slot, record, expiresAtMs }: Put): void {
    const name = key.toString('latin1')
    const before = this.decided.get(name)
    if (before && before.expiresAtMs > this.#scheduler.now())
      throw new Error(`key ${key.toString('hex').slice(0, 12)} of slot ${slot} was decided twice`)
    this.decided.set(name, { slot, record: Buffer.from(record), expiresAtMs })
  }

  /** I1, I2, I3 and I4, at this moment. @throws Error naming the invariant. */
  check(): void {
    for (const slot of this.slots) {
      const owners = [...this.servers.values()].filter((server) => server.rows.get(slot)?.role === 'owned')
      if (owners.length > 1) throw new Error(`I1: slot ${slot} is owned by ${owners.map(({ id }) => id).join(' and ')}`)
      const owner = owners[0]
      if (!owner) continue
      if (this.#owners.get(slot) !== owner.id) {
        this.#owners.set(slot, owner.id)
        this.#mustHoldAll(`I4: ${owner.id} owns slot ${slot}`, slot, (key) => holds(owner, slot, key))
      }
      this.#checkMirror(slot, owner)
    }
  }

  /** The other side of a captured slot has every record, or the log does. */
  #checkMirror(slot: SlotId, owner: MemoryServer): void {
    const row = owner.rows.get(slot)
    if (row?.role !== 'owned' || !row.capture) return
    const mirror = this.servers.get(row.capture.to)
    const mirrorRow = mirror?.rows.get(slot)
    const inStep = mirrorRow?.role === 'released' || (mirrorRow?.role === 'importing' && mirrorRow.copy !== 'pending')
    if (!mirror || !inStep) return
    const queued = new Set(owner.queueOf(slot).map(({ key }) => key.toString('latin1')))
    this.#mustHoldAll(
      `I2: slot ${slot} is captured at ${owner.id} for ${mirror.id}`,
      slot,
      (key) => queued.has(key) || holds(mirror, slot, key),
    )
  }

  #mustHoldAll(what: string, slot: SlotId, present: (key: string) => boolean): void {
    const nowMs = this.#scheduler.now()
    for (const [key, decided] of this.decided) {
      if (decided.slot !== slot || decided.expiresAtMs <= nowMs || present(key)) continue
      throw new Error(`${what}, but key ${Buffer.from(key, 'latin1').toString('hex').slice(0, 12)} is missing`)
    }
  }

  /** The end: each live decision is at its owner and nowhere else, exactly as it was made. */
  checkHistory(mayKeepCopies: boolean): void {
    const nowMs = this.#scheduler.now()
    for (const [key, { slot, record, expiresAtMs }] of this.decided) {
      if (expiresAtMs <= nowMs) continue
      const holders = [...this.servers.values()].filter((server) => holds(server, slot, key))
      const owner = holders.find((server) => server.rows.get(slot)?.role === 'owned')
      if (!owner) throw new Error(`slot ${slot}: a decided record is not at the owner`)
      if (!mayKeepCopies && holders.length > 1)
        throw new Error(`slot ${slot}: a record is left at ${holders.map(({ id }) => id).join(' and ')}`)
      for (const holder of holders)
        if (!holder.recordsOf(slot).get(key)?.record.equals(record))
          throw new Error(`slot ${slot}: ${holder.id} holds another record than was decided`)
    }
    if (mayKeepCopies) return
    for (const server of this.servers.values())
      for (const slot of this.slots)
        if (server.queueOf(slot).length > 0) throw new Error(`slot ${slot}: ${server.id} still has captured records`)
  }
}

function holds(server: MemoryServer, slot: SlotId, key: string): boolean {
  return server.recordsOf(slot).has(key)
}
