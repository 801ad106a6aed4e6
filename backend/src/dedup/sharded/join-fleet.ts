/**
 * Makes the configured shards one fleet, where they are none yet, and reads who owns what. Safe to run in any number of pods at once, and
 * again after any interruption: each step at a shard is idempotent, and the id of a new fleet follows from its shards.
 */
import { hash } from 'node:crypto'
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardControl, ShardDescription, ShardId } from '@fractal-lba/shards/port'

/** The shards cannot be one fleet: someone has to look. */
export class NotOneFleet extends Error {
  override readonly name = 'NotOneFleet'
}

/** @returns for each slot the index in `shards` of its owner; where nobody owns it now, of whom it goes to. @throws NotOneFleet, ShardUnavailable */
export async function joinFleet(shards: readonly ShardControl[], vnodes: number): Promise<Uint16Array> {
  const ids = shards.map((shard) => shard.id)
  const found = await Promise.all(shards.map((shard) => shard.describe()))
  const fleets = found.flatMap(({ fleet }) => (fleet ? [fleet] : []))
  const foreign = fleets.find(({ id }) => id !== fleets[0]?.id)
  if (foreign)
    throw new NotOneFleet(
      `the shards belong to different fleets: ${found.map((shard) => `${shard.id} to ${shard.fleet?.id ?? 'none'}`).join(', ')}`,
    )
  const owners = fleets[0]?.initialOwners ?? ids
  const fleet = {
    id: fleets[0]?.id ?? `fleet-${hash('sha256', [...ids].sort().join('\n'), 'hex').slice(0, 16)}`,
    initialOwners: owners,
  }
  const ring = placeSlots(owners, vnodes)
  const ready = fleets.some((one) => one.ready)
  for (const [i, shard] of shards.entries()) {
    const known = found[i]?.fleet
    if (known) {
      // It may have the program of an older release.
      await shard.initialise(fleet, [])
      // A pod that died between the two steps has left it unmarked: no migration would ever take it for a source.
      if (ready && !known.ready) await shard.markFleetReady()
      continue
    }
    if (ready && (owners.includes(shard.id) || (hasOwned(shard.id, found) && (await isEmpty(shard))))) {
      throw new NotOneFleet(
        `shard ${shard.id} owned slots of ${fleet.id} and is empty now: it has lost its state. Restore it, or migrate away from it`,
      )
    }
    await shard.initialise(fleet, ready ? [] : slotsOf(ring, owners.indexOf(shard.id)))
    if (ready) await shard.markFleetReady()
  }
  if (!ready) {
    const missing = owners.filter((owner) => !ids.includes(owner))
    if (missing.length > 0)
      throw new NotOneFleet(`${fleet.id} was begun with ${missing.join(', ')} too, which this pod is not configured with`)
    for (const shard of shards) await shard.markFleetReady()
  }
  return placement(ids, await Promise.all(shards.map((shard) => shard.describe())), ring, owners)
}

/** Whether slots went to this shard that nobody else has now. */
function hasOwned(id: ShardId, found: readonly ShardDescription[]): boolean {
  const rows = found.flatMap(({ slots }) => slots)
  const owned = new Set(rows.flatMap((row) => (row.role === 'owned' ? [row.slot] : [])))
  return rows.some(
    (row) => !owned.has(row.slot) && (row.role === 'released' ? row.to : row.role === 'importing' && row.from) === id,
  )
}

/** Still: a migration may have begun with it since it was looked at. */
async function isEmpty(shard: ShardControl): Promise<boolean> {
  return (await shard.describe()).fleet === undefined
}

function slotsOf(ring: Uint16Array, owner: number): SlotId[] {
  const slots: SlotId[] = []
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (ring[slot] === owner) slots.push(slot as SlotId)
  return slots
}

function placement(
  ids: readonly ShardId[],
  found: readonly ShardDescription[],
  ring: Uint16Array,
  owners: readonly ShardId[],
): Uint16Array {
  const places = ring.map((owner) => Math.max(0, ids.indexOf(owners[owner] as ShardId)))
  for (const { slots } of found) {
    for (const row of slots) if (row.role === 'released' && ids.includes(row.to)) places[row.slot] = ids.indexOf(row.to)
  }
  for (const [i, { slots }] of found.entries()) for (const row of slots) if (row.role === 'owned') places[row.slot] = i
  return places
}
