/** Who owns what at a shard in this process. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { judgeRows, refusal } from '../judge-rows.ts'
import { judgeLease, type LeaseRequest } from '../lease-rule.ts'
import { type Fence, type ShardDescription, ShardRefused } from '../port.ts'
import type { ChangeOptions, FleetRecord, OwnershipStore } from '../shard-control.ts'
import { captureOwner, discardRule, type SlotRule } from '../slot-rules.ts'
import type { MemoryServer } from './server.ts'

export class MemoryOwnership implements OwnershipStore {
  readonly #server: MemoryServer

  constructor(server: MemoryServer) {
    this.#server = server
  }

  async describe(): Promise<ShardDescription> {
    const { id, fleet, ready, epoch, fence, rows, migrations, lease } = this.#server
    const remainingMs = lease ? lease.untilMs - this.#server.now() : 0
    return {
      id,
      fleet: fleet && { ...fleet, ready },
      epoch,
      fence,
      lease: lease && remainingMs > 0 ? { generation: lease.generation, holder: lease.holder, remainingMs } : undefined,
      slots: [...rows.values()].sort((a, b) => a.slot - b.slot),
      migrations: new Map(migrations),
      replicas: 0,
      warnings: [],
    }
  }

  async initialise(fleet: FleetRecord, owned: readonly SlotId[]): Promise<void> {
    const server = this.#server
    if (server.fleet) {
      if (server.fleet.id === fleet.id) return
      throw new ShardRefused(server.id, 'initialise', { kind: 'other-fleet', fleet: server.fleet.id })
    }
    if (server.rows.size > 0 || server.holdsRecords())
      throw new ShardRefused(server.id, 'initialise', { kind: 'other-fleet', fleet: undefined })
    server.fleet = { id: fleet.id, initialOwners: [...fleet.initialOwners] }
    server.epoch++
    for (const slot of owned) server.rows.set(slot, { slot, role: 'owned', generation: 1 as never, capture: undefined })
  }

  async markFleetReady(): Promise<void> {
    this.#server.ready = true
  }

  async acquireLease(request: LeaseRequest): Promise<void> {
    const server = this.#server
    const judged = judgeLease(server.lease, server.fence, request, server.now())
    if (judged.kind === 'refused') throw new ShardRefused(server.id, 'acquireLease', judged.refusal)
    server.lease = judged.lease
    server.fence = request.generation
  }

  async releaseLease(generation: number): Promise<void> {
    const { lease } = this.#server
    if (lease?.generation === generation) this.#server.lease = { ...lease, untilMs: 0 }
  }

  async putMigration(fence: Fence, document: string): Promise<void> {
    checkFence(this.#server, 'putMigration', fence)
    this.#server.migrations.set(fence.migration, document)
  }

  async change(rule: SlotRule, fence: Fence, slots: readonly SlotId[], options: ChangeOptions): Promise<void> {
    const server = this.#server
    checkFence(server, rule.call, fence)
    const changes = judgeRows(server.id, rule, slots, (slot) => server.rows.get(slot))
    if (options.mustBeEmpty) {
      const holding = changes.find(({ slot }) => server.recordsOf(slot).size > 0)
      if (holding) throw refusal(server.id, rule, holding.slot, 'holding records')
    }
    for (const { slot, before, after } of changes) {
      if (after) server.rows.set(slot, after)
      else server.rows.delete(slot)
      if (options.dropQueues && captureOwner(before) && !captureOwner(after)) server.setQueue(slot, [])
    }
    if (options.ownership && changes.length > 0) server.epoch++
  }

  async discard(fence: Fence, slots: readonly SlotId[], limit: number): Promise<{ deleted: number; done: boolean }> {
    const server = this.#server
    const rule = discardRule(fence.migration)
    checkFence(server, rule.call, fence)
    const changes = new Map(
      judgeRows(server.id, rule, slots, (slot) => server.rows.get(slot)).map((change) => [change.slot, change]),
    )
    const queued = slots.find((slot) => server.queueOf(slot).length > 0)
    if (queued !== undefined) throw refusal(server.id, rule, queued, 'holding captured records')
    let deleted = 0
    for (const slot of slots) {
      const records = server.recordsOf(slot)
      for (const name of records.keys()) {
        if (deleted >= limit) break
        records.delete(name)
        deleted++
      }
      const change = changes.get(slot)
      if (records.size > 0 || !change) continue
      if (change.after) server.rows.set(slot, change.after)
      else server.rows.delete(slot)
    }
    return { deleted, done: slots.every((slot) => server.recordsOf(slot).size === 0) }
  }
}

/** @throws ShardRefused for a stale generation; a newer one becomes the fence. */
export function checkFence(server: MemoryServer, call: string, fence: Fence): void {
  if (fence.generation < server.fence) throw new ShardRefused(server.id, call, { kind: 'fenced', seen: server.fence })
  server.fence = fence.generation
}
