/** The first start of a fleet, and later ones. */
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import { describe, expect, it } from 'vitest'
import { FleetMismatch, initialiseFleet } from '../fleet-init.ts'
import type { ShardControl } from '../port.ts'
import { type Bed, closeShard, M1, openShard, type Shard, slot } from './bed.ts'

/** The first `even` shards take the slots in turn. */
function inTurn(even: number): Uint16Array {
  return Uint16Array.from({ length: SLOT_COUNT }, (_, of) => of % even)
}

async function withShards(bed: Bed, count: number, test: (shards: Shard[]) => Promise<void>): Promise<void> {
  const shards = await Promise.all(Array.from({ length: count }, () => openShard(bed)))
  await test(shards)
  await Promise.all(shards.map(closeShard))
}

async function ownersOf(shards: readonly Shard[]): Promise<number[]> {
  const owners = new Array<number>(SLOT_COUNT).fill(0)
  for (const shard of shards)
    for (const row of (await shard.control.describe()).slots)
      if (row.role === 'owned') owners[row.slot] = (owners[row.slot] ?? 0) + 1
  return owners
}

/** The control with one call that fails, as if the pod had died in the middle of it. */
function dyingAt(control: ShardControl, call: 'initialise' | 'markFleetReady'): ShardControl {
  return new Proxy(control, {
    get(target, name) {
      if (name === call) return () => Promise.reject(new Error('died'))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export function describeFleet(bed: Bed): void {
  describe(`${bed.kind}: the start of a fleet`, () => {
    it('gives each slot one owner, however many pods start at once, and a later start changes nothing', () =>
      withShards(bed, 3, async (shards) => {
        const controls = shards.map(({ control }) => control)
        const starts = await Promise.all(Array.from({ length: 5 }, () => initialiseFleet(controls, inTurn(3))))
        expect(new Set(starts.map(({ fleetId }) => fleetId)).size).toBe(1)
        expect(new Set(await ownersOf(shards))).toEqual(new Set([1]))
        const before = await Promise.all(controls.map((control) => control.describe()))
        expect(before.map(({ fleet }) => fleet?.ready)).toEqual([true, true, true])
        const again = await initialiseFleet(controls, inTurn(2))
        expect(again).toMatchObject({ fleetId: starts[0]?.fleetId, initialOwners: controls.map(({ id }) => id) })
        expect(await Promise.all(controls.map((control) => control.describe()))).toEqual(before)
      }))

    it.each([
      [0, 'initialise'],
      [1, 'initialise'],
      [1, 'markFleetReady'],
    ] as const)('is completed by the next pod when the first one dies at shard %i, %s', (index, call) =>
      withShards(bed, 2, async (shards) => {
        const controls = shards.map(({ control }) => control)
        const dying = controls.map((control, at) => (at === index ? dyingAt(control, call) : control))
        await expect(initialiseFleet(dying, inTurn(2))).rejects.toThrow('died')
        await initialiseFleet(controls, inTurn(2))
        expect(new Set(await ownersOf(shards))).toEqual(new Set([1]))
        for (const control of controls) expect((await control.describe()).fleet?.ready).toBe(true)
      }),
    )

    it('refuses another list of shards before it is complete', () =>
      withShards(bed, 2, async ([one, two]) => {
        if (!one || !two) throw new Error('no shards')
        await expect(initialiseFleet([dyingAt(one.control, 'markFleetReady')], inTurn(1))).rejects.toThrow('died')
        await expect(initialiseFleet([one.control, two.control], inTurn(2))).rejects.toThrow(FleetMismatch)
      }))

    it('lets a further shard join a ready fleet, owning nothing', () =>
      withShards(bed, 2, async (shards) => {
        const [one, two] = shards.map(({ control }) => control) as [ShardControl, ShardControl]
        const { fleetId } = await initialiseFleet([one], inTurn(1))
        await initialiseFleet([one, two], inTurn(2))
        expect(await two.describe()).toMatchObject({ fleet: { id: fleetId, initialOwners: [one.id], ready: true }, slots: [] })
        expect(new Set(await ownersOf(shards))).toEqual(new Set([1]))
      }))

    it('refuses a shard of a ready fleet that is empty, be it a first owner or one that slots were moved to', () =>
      withShards(bed, 3, async (shards) => {
        const [one, two, lost] = shards.map(({ control }) => control) as [ShardControl, ShardControl, ShardControl]
        await initialiseFleet([one, two], inTurn(2))
        await one.startCapture(M1, [slot(0)], lost.id)
        await expect(initialiseFleet([one, two, lost], inTurn(2))).rejects.toThrow(/lost its state/)
        await one.stopCapture(M1, [slot(0)])
        await initialiseFleet([one, two, lost], inTurn(2))
        // One of the first owners comes back as an empty server of the same name.
        const empty = await openShard(bed)
        const impostor = new Proxy(empty.control, {
          get(target, name) {
            if (name === 'describe') return async () => ({ ...(await target.describe()), id: two.id })
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        })
        await expect(initialiseFleet([one, impostor], inTurn(2))).rejects.toThrow(/is empty, but has held slots/)
        await closeShard(empty)
      }))

    it('refuses shards of two fleets', () =>
      withShards(bed, 2, async (shards) => {
        const [one, two] = shards.map(({ control }) => control) as [ShardControl, ShardControl]
        await initialiseFleet([one], inTurn(1))
        await initialiseFleet([two], inTurn(1))
        await expect(initialiseFleet([one, two], inTurn(2))).rejects.toThrow(FleetMismatch)
      }))
  })
}
