/**
 * The first ownership of a fleet, and the check that a fleet is still itself. Pods call it at start, all at once and with lists that
 * may differ while a migration runs; whoever comes first does the work, and every step may be repeated or left half done by a crash.
 *
 * The first shard of the list records who is to own what (`ready` false), the others follow, and only when all have, all are marked
 * ready. In a ready fleet an empty shard that once owned slots has lost its state or is another server: starting with it would accept
 * proofs a second time, so that is an error for people to look at.
 */
import { randomUUID } from 'node:crypto'
import { SLOT_COUNT, toSlotId } from '@fractal-lba/protocol/ring/slots'
import { type ShardControl, type ShardDescription, type ShardId, ShardRefused } from './port.ts'

export interface InitialisedFleet {
  readonly fleetId: string
  readonly initialOwners: readonly ShardId[]
  /** As they were before this call. */
  readonly shards: readonly ShardDescription[]
}

/** The shards do not make up one whole fleet. A restart does not help: the message says what to look at. */
export class FleetMismatch extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FleetMismatch'
  }
}

type Fleet = NonNullable<ShardDescription['fleet']>

/** How often a race with other pods may be lost before something else must be wrong. */
const MAX_ATTEMPTS = 10

/**
 * `owners[slot]` is the index in `controls` of the slot's first owner.
 * @throws FleetMismatch when a shard has lost its state, belongs to another fleet, or another list of shards was there first.
 * @throws ShardUnavailable when a shard does not answer; nothing is decided without all of them.
 */
export async function initialiseFleet(
  controls: readonly ShardControl[],
  owners: Uint16Array,
  newFleetId: () => string = randomUUID,
): Promise<InitialisedFleet> {
  for (let attempt = 1; ; attempt++) {
    const shards = await Promise.all(controls.map((control) => control.describe()))
    const fleet = fleetOf(shards) ?? { id: newFleetId(), initialOwners: controls.map(({ id }) => id), ready: false }
    try {
      if (fleet.ready) await joinReady(controls, shards, fleet)
      else await begin(controls, owners, fleet)
      return { fleetId: fleet.id, initialOwners: fleet.initialOwners, shards }
    } catch (error) {
      // Another pod chose an id in the same moment: what it recorded is what counts.
      const raced = error instanceof ShardRefused && error.refusal.kind === 'other-fleet' && error.refusal.fleet !== undefined
      if (raced && attempt < MAX_ATTEMPTS) continue
      if (raced || (error instanceof ShardRefused && error.refusal.kind === 'other-fleet')) throw new FleetMismatch(error.message)
      throw error
    }
  }
}

/** The one fleet that the shards belong to, ready if any of them says so. */
function fleetOf(shards: readonly ShardDescription[]): Fleet | undefined {
  const known = shards.flatMap(({ id, fleet }) => (fleet ? [{ shard: id, fleet }] : []))
  const first = known[0]
  const other = known.find(({ fleet }) => fleet.id !== first?.fleet.id)
  if (first && other)
    throw new FleetMismatch(
      `shard ${first.shard} belongs to the fleet ${first.fleet.id} and shard ${other.shard} to ${other.fleet.id}: they cannot serve together`,
    )
  return first && { ...first.fleet, ready: known.some(({ fleet }) => fleet.ready) }
}

async function begin(controls: readonly ShardControl[], owners: Uint16Array, fleet: Fleet): Promise<void> {
  const listed = controls.map(({ id }) => id)
  if (listed.join() !== fleet.initialOwners.join())
    throw new FleetMismatch(
      `the fleet is being set up for the shards ${fleet.initialOwners.join(', ')}, and this list is ${listed.join(', ')}: start it with that list first, and add or remove shards by a migration`,
    )
  if (owners.length !== SLOT_COUNT || owners.some((owner) => owner >= controls.length))
    throw new RangeError(`owners must name one of ${controls.length} shards for each of ${SLOT_COUNT} slots`)
  const owned = controls.map((_, index) =>
    Array.from(owners.keys())
      .filter((slot) => owners[slot] === index)
      .map(toSlotId),
  )
  const [first, ...rest] = controls.map((control, index) => () => control.initialise(fleet, owned[index] ?? []))
  await first?.()
  await Promise.all(rest.map((initialise) => initialise()))
  await Promise.all(controls.map((control) => control.markFleetReady()))
}

async function joinReady(controls: readonly ShardControl[], shards: readonly ShardDescription[], fleet: Fleet): Promise<void> {
  const empty = shards.filter((shard) => shard.fleet === undefined)
  for (const { id } of empty) {
    if (!fleet.initialOwners.includes(id) && !isMentioned(id, shards)) continue
    throw new FleetMismatch(
      `shard ${id} of the fleet ${fleet.id} is empty, but has held slots: it has lost its state, or its address leads to another server; restore it before pods start`,
    )
  }
  // Also where the fleet is recorded already: it brings the shard's program up to date, and completes a start that was cut off.
  await Promise.all(controls.map((control) => control.initialise(fleet, [])))
  const unmarked = controls.filter((_, index) => !shards[index]?.fleet?.ready)
  await Promise.all(unmarked.map((control) => control.markFleetReady()))
}

/** Whether any shard has given slots to this one, takes them from it, or captures writes for it. */
function isMentioned(id: ShardId, shards: readonly ShardDescription[]): boolean {
  return shards.some(({ slots }) =>
    slots.some((row) => {
      if (row.role === 'owned') return row.capture?.to === id
      return (row.role === 'released' ? row.to : row.from) === id
    }),
  )
}
