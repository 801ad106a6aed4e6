/**
 * The sharded store of a pod: connects the shards of its fleet config, joins them to a fleet, and keeps trying where they do not answer
 * yet, so that a pod that starts before its shards comes up by itself.
 */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardList, type ShardAddress, withCredentials } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { ShardUnavailable } from '@fractal-lba/shards/port'
import { readFleetConfigFile } from '../config/fleet-config-file.ts'
import type { Config } from '../config/read-config.ts'
import { replaceFile } from '../config/replace-file.ts'
import type { StoreConfig } from '../config/store-config.ts'
import { FleetMembership, startingConfig } from '../dedup/sharded/fleet-membership.ts'
import { joinFleet } from '../dedup/sharded/join-fleet.ts'
import { ShardedStore } from '../dedup/sharded/sharded-store.ts'
import { RoutingTable } from '../routing/routing-table.ts'
import type { StoreSurroundings } from './open-store.ts'
import type { OpenedStore } from './opened-store.ts'

const JOIN_AGAIN_AFTER_MS = 1_000
const SWEPT_AT_ONCE = 1_000

/** @throws NotOneFleet */
export async function openShardedStore(
  config: Config,
  { shards, vnodes }: Extract<StoreConfig, { kind: 'sharded' }>,
  around: StoreSurroundings,
): Promise<OpenedStore> {
  const { counters, log, wallClock, onBroken } = around
  const path = config.fleetConfigPath
  const started = (path && (await readFleetConfigFile(path))) || startingConfig({ shards })
  const withOurs = (address: ShardAddress) => withCredentials(address, config.shardCredentials)
  const addresses = parseShardList(started.config.shards).map(withOurs)
  const ids = addresses.map((address) => address.id)
  const table = new RoutingTable(ids, placeSlots(ids, vnodes))
  const store = new ShardedStore(
    table,
    addresses.map((address) => openShardData(address)),
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
    wallClock,
  )
  const membership = new FleetMembership(started, {
    store,
    connect: (address) => openShardData(withOurs(address)),
    wallClock,
    persist: (push) => persist(path, push),
    onCloseFailed: (error) => log.warn({ err: error }, 'a shard that left could not be closed well'),
  })

  let joined = false
  let closing = false
  let joinTimer: NodeJS.Timeout | undefined
  async function join(): Promise<void> {
    const controls = addresses.map((address) => openShardControl(address))
    try {
      const owners = await joinFleet(controls, vnodes)
      owners.forEach((owner, slot) => {
        table.confirm(slot as SlotId, owner)
      })
      joined = true
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      log.warn({ reason: error.message }, 'the shards are not a fleet yet; trying again')
      if (!closing) joinTimer = setTimeout(() => void join().catch(onBroken), JOIN_AGAIN_AFTER_MS)
    } finally {
      await Promise.all(controls.map((control) => control.close()))
    }
  }
  await join()

  async function persist(file: string | undefined, push: ConfigPush): Promise<void> {
    if (file === undefined) return
    try {
      await replaceFile(file, `${JSON.stringify(push)}\n`, config.pod)
    } catch (error) {
      // A mounted ConfigMap cannot be written, and need not be: whoever pushed this has put it there as well.
      if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
    }
  }

  let sweptSlot = Math.floor(around.random() * SLOT_COUNT)
  return {
    store: {
      putIfAbsent: (puts, deadlineMs) => store.putIfAbsent(puts, deadlineMs),
      get notReadyReason() {
        return joined ? store.notReadyReason : 'the shards have not been seen yet'
      },
      async close() {
        closing = true
        clearTimeout(joinTimer)
        await store.close()
      },
    },
    rebuiltFromLog: false,
    restore() {},
    checkpoint: async () => Number.POSITIVE_INFINITY,
    async sweep() {
      sweptSlot = (sweptSlot + 1) % SLOT_COUNT
      await store.sweep(sweptSlot as SlotId, wallClock(), SWEPT_AT_ONCE)
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
