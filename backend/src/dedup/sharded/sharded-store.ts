/**
 * Deduplication over a fleet of shards: finds the shard of each key, follows it when the slot has moved, and sees to it that every put
 * has an outcome by its deadline. Ownership is decided by the shards alone (I1); whatever this table believes, a put can only be
 * slow, never wrong.
 */
import { type FleetConfig, MAX_SLOWDOWN_MS } from '@fractal-lba/protocol/config/fleet-config'
import { sameOrigin } from '@fractal-lba/protocol/records/record'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { PutReply, ShardData, ShardId } from '@fractal-lba/shards/port'
import { followHint } from '../../routing/follow-hint.ts'
import type { RoutingTable } from '../../routing/routing-table.ts'
import type { Clock } from '../../time/clock.ts'
import type { DedupPut, DedupStore, Outcome } from '../port.ts'
import { type LaneEvents, ShardLane } from './shard-lane.ts'
import { giveUp, nobodyOwned, PutGroup, type WaitingPut } from './waiting-put.ts'

export interface ShardedStoreEvents {
  /** So many puts were sent on to another shard. */
  readonly onReroutes: (count: number) => void
  readonly onRegressed: (shard: ShardId, epoch: number) => void
  readonly onReachable: (shard: ShardId, reachable: boolean, reason: string | undefined) => void
  readonly onBroken: (error: unknown) => void
}

export interface ShardState {
  readonly id: ShardId
  readonly reachable: boolean
  readonly epoch: number
  readonly regressed: boolean
}

export class ShardedStore implements DedupStore {
  readonly #table: RoutingTable
  readonly #clock: Clock
  readonly #events: ShardedStoreEvents
  readonly #laneEvents: LaneEvents
  /** By the table's index; a place is empty once its shard has left the fleet. */
  readonly #lanes: (ShardLane | undefined)[] = []
  #reachable: number[] = []
  #slowedSlots: Uint8Array | undefined
  #slowdownMs = 0

  constructor(table: RoutingTable, shards: readonly ShardData[], events: ShardedStoreEvents, clock: Clock) {
    this.#table = table
    this.#clock = clock
    this.#events = events
    this.#laneEvents = {
      onReply: (lane, puts, reply) => this.#onReply(lane, puts, reply),
      onRegressed: (lane, epoch) => events.onRegressed(lane.id, epoch),
      onReachable: (lane, reachable, reason) => events.onReachable(lane.id, reachable, reason),
      onBroken: events.onBroken,
    }
    for (const shard of shards) void this.addShard(shard)
  }

  putIfAbsent(puts: readonly DedupPut[], deadlineMs: number): Promise<readonly Outcome[]> {
    const group = new PutGroup(puts.length)
    const slowed: WaitingPut[] = []
    for (let index = 0; index < puts.length; index++) {
      const put = puts[index] as DedupPut
      const waiting: WaitingPut = { put, group, index, deadlineMs, turnedAway: 0 }
      if (this.#slowedSlots?.[put.slot]) slowed.push(waiting)
      else this.#send(waiting, this.#table.ownerOf(put.slot))
    }
    if (slowed.length > 0) this.#later(slowed, this.#slowdownMs)
    return group.decided
  }

  get notReadyReason(): string | undefined {
    const states = this.shards()
    if (states.some((shard) => shard.reachable && !shard.regressed)) return undefined
    return `no shard answers: ${states.map((shard) => `${shard.id} ${shard.regressed ? 'has lost state' : 'is unreachable'}`).join(', ')}`
  }

  shards(): ShardState[] {
    return this.#lanes.flatMap((lane) =>
      lane ? [{ id: lane.id, reachable: lane.reachable, epoch: lane.epochs.highest, regressed: lane.epochs.regressed }] : [],
    )
  }

  /** Deletes some expired records of a slot where its shard answers. */
  async sweep(slot: SlotId, nowMs: number, limit: number): Promise<void> {
    const lane = this.#lanes[this.#table.ownerOf(slot)]
    if (lane?.reachable && !lane.epochs.regressed) await lane.data.sweepExpired(slot, nowMs, limit)
  }

  slots(): Map<ShardId, SlotId[]> {
    return this.#table.slots()
  }

  /** @returns once the connections that the shard had before, if any, are closed. */
  async addShard(data: ShardData): Promise<void> {
    const index = this.#table.indexOf(data.id)
    const previous = this.#lanes[index]
    this.#lanes[index] = new ShardLane(index, data, this.#laneEvents, this.#clock)
    this.#reachable = this.#lanes.flatMap((lane) => (lane ? [lane.index] : []))
    await previous?.close()
  }

  /** Sends nothing more to the shard and closes its connections once its calls have ended. */
  async removeShard(shard: ShardId): Promise<void> {
    const index = this.#table.indexOf(shard)
    const lane = this.#lanes[index]
    this.#lanes[index] = undefined
    this.#reachable = this.#reachable.filter((other) => other !== index)
    await lane?.close()
  }

  slowDown(slowdown: FleetConfig['slowdown']): void {
    if (!slowdown || slowdown.delayMs <= 0) {
      this.#slowedSlots = undefined
      return
    }
    const slowed = new Uint8Array(SLOT_COUNT)
    for (const slot of slowdown.slots) slowed[slot] = 1
    this.#slowedSlots = slowed
    this.#slowdownMs = Math.min(slowdown.delayMs, MAX_SLOWDOWN_MS)
  }

  /** Someone has checked a shard that had lost state. @returns whether there was such a shard. */
  acknowledge(shard: string): boolean {
    const lane = this.#lanes.find((candidate) => candidate?.id === shard)
    if (!lane?.epochs.regressed) return false
    lane.epochs.acknowledge()
    return true
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane?.close()))
  }

  #send(waiting: WaitingPut, shard: number): void {
    const lane = this.#lanes[shard] ?? this.#lanes[this.#reachable[0] ?? -1]
    if (lane) lane.push(waiting)
    else giveUp(waiting, 'no shard is configured')
  }

  #onReply(lane: ShardLane, puts: readonly WaitingPut[], reply: PutReply): void {
    const waitingOn: { waiting: WaitingPut; shard: number }[] = []
    let waitMs = 0
    let reroutes = 0
    for (let i = 0; i < puts.length; i++) {
      const waiting = puts[i] as WaitingPut
      const outcome = reply.outcomes[i]
      if (!outcome) throw new Error(`shard ${lane.id} answered ${reply.outcomes.length} of ${puts.length} puts`)
      if (outcome.kind !== 'not-owner') {
        this.#table.confirm(waiting.put.slot, lane.index)
        const won = outcome.kind === 'written' || sameOrigin(outcome.record, waiting.put.record)
        waiting.group.conclude(waiting.index, won ? { kind: 'won' } : { kind: 'lost', record: outcome.record })
        continue
      }
      reroutes++
      const owner = outcome.owner === undefined ? undefined : this.#table.indexOf(outcome.owner)
      const known = owner !== undefined && this.#lanes[owner] ? owner : undefined
      const { slot } = waiting.put
      const tries = waiting.turnedAway++
      const hop = followHint(
        this.#table,
        { slot, asked: lane.index, owner: known, generation: outcome.generation, tries },
        this.#reachable,
      )
      if (this.#clock.nowMs() + hop.waitMs >= waiting.deadlineMs) {
        giveUp(waiting, `${nobodyOwned(slot)}${owner !== known ? `; ${outcome.owner} is not in this pod's config` : ''}`)
      } else if (hop.waitMs === 0) {
        this.#send(waiting, hop.shard)
      } else {
        waitingOn.push({ waiting, shard: hop.shard })
        waitMs = Math.max(waitMs, hop.waitMs)
      }
    }
    if (reroutes > 0) this.#events.onReroutes(reroutes)
    if (waitingOn.length === 0) return
    this.#clock.after(waitMs, () => {
      for (const { waiting, shard } of waitingOn) this.#send(waiting, shard)
    })
  }

  /** To whoever owns the slots by then. */
  #later(puts: readonly WaitingPut[], ms: number): void {
    this.#clock.after(ms, () => {
      for (const waiting of puts) this.#send(waiting, this.#table.ownerOf(waiting.put.slot))
    })
  }
}
