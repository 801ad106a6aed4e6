/**
 * The sharded store of a pod: connects the shards of its fleet config, joins them to a fleet, and keeps trying where they do not answer
 * yet, so that a pod that starts before its shards comes up by itself.
 */
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardList, type ShardAddress } from '@fractal-lba/shards/address'
import { type ShardControl, type ShardData, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Logger } from 'pino'
import type { StoreConfig } from '../config/store-config.ts'
import { FleetMembership, startingConfig } from '../dedup/sharded/fleet-membership.ts'
import { joinFleet } from '../dedup/sharded/join-fleet.ts'
import { ShardedStore } from '../dedup/sharded/sharded-store.ts'
import type { Counters } from '../metrics/counters.ts'
import { RoutingTable } from '../routing/routing-table.ts'
import type { Clock } from '../time/clock.ts'
import type { KeptFleetConfig } from './kept-fleet-config.ts'
import type { OpenedStore } from './opened-store.ts'

const JOIN_AGAIN_AFTER_MS = 1_000
const SWEPT_AT_ONCE = 1_000

/** How this pod reaches a shard. */
export interface ShardWays {
  data(address: ShardAddress): ShardData
  control(address: ShardAddress): ShardControl
}

export interface ShardedSurroundings {
  readonly counters: Counters
  readonly log: Pick<Logger, 'warn' | 'error'>
  readonly clock: Clock
  readonly random: () => number
  readonly connect: ShardWays
  readonly kept: KeptFleetConfig
  readonly onBroken: (error: unknown) => void
}

/** @throws NotOneFleet */
export async function openShardedStore(
  { shards, vnodes }: Extract<StoreConfig, { kind: 'sharded' }>,
  around: ShardedSurroundings,
): Promise<OpenedStore> {
  const { counters, log, clock, connect, kept, onBroken } = around
  const started = (await kept.read()) ?? startingConfig({ shards })
  const addresses = parseShardList(started.config.shards)
  const ids = addresses.map((address) => address.id)
  const table = new RoutingTable(ids, placeSlots(ids, vnodes))
  const store = new ShardedStore(
    table,
    addresses.map((address) => connect.data(address)),
    {
      onReroutes: (count) => {
        counters.reroutes += count
      },
      onRegressed: (shard, epoch) =>
        log.error({ shard, epoch }, 'a shard has lost state; it gets no writes until it is acknowledged'),
      onReachable: (shard, reachable, reason) =>
        log.warn({ shard, reachable, reason }, reachable ? 'a shard answers again' : 'a shard does not answer'),
      onBroken,
    },
    clock,
  )
  const membership = new FleetMembership(started, {
    store,
    connect: (address) => connect.data(address),
    wallClock: () => clock.nowMs(),
    persist: (push) => kept.keep(push),
    onCloseFailed: (error) => log.warn({ err: error }, 'a shard that left could not be closed well'),
  })

  let joined = false
  let closing = false
  let cancelJoin: (() => void) | undefined
  async function join(): Promise<void> {
    const controls = addresses.map((address) => connect.control(address))
    try {
      const owners = await joinFleet(controls, vnodes)
      owners.forEach((owner, slot) => {
        table.confirm(slot as SlotId, owner)
      })
      joined = true
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      log.warn({ reason: error.message }, 'the shards are not a fleet yet; trying again')
      if (!closing) cancelJoin = clock.after(JOIN_AGAIN_AFTER_MS, () => void join().catch(onBroken))
    } finally {
      await Promise.all(controls.map((control) => control.close()))
    }
  }
  await join()

  let sweptSlot = Math.floor(around.random() * SLOT_COUNT)
  return {
    store: {
      putIfAbsent: (puts, deadlineMs) => store.putIfAbsent(puts, deadlineMs),
      get notReadyReason() {
        return joined ? store.notReadyReason : 'the shards have not been seen yet'
      },
      async close() {
        closing = true
        cancelJoin?.()
        await store.close()
      },
    },
    rebuiltFromLog: false,
    restore() {},
    checkpoint: async () => Number.POSITIVE_INFINITY,
    async sweep() {
      sweptSlot = (sweptSlot + 1) % SLOT_COUNT
      await store.sweep(sweptSlot as SlotId, clock.nowMs(), SWEPT_AT_ONCE)
    },
    get fleetConfig() {
      return membership.current
    },
    applyConfig: (push) => membership.apply(push),
    shards: () => store.shards(),
    slots: () => store.slots(),
    acknowledge: (shard) => store.acknowledge(shard),
  }
}
