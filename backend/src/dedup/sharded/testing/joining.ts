/** What pods rely on when they join a fleet, over one kind of shards. */
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { type Bed, closeShard, M1, M2, openShard, prepare, type Shard, switchOver } from '@fractal-lba/shards/conformance/bed'
import type { Fence, ShardControl } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { joinFleet, NotOneFleet } from '../join-fleet.ts'

const VNODES = 4

type Controls = readonly [ShardControl, ShardControl, ShardControl]

async function withShards(bed: Bed, test: (controls: Controls, shards: readonly [Shard, Shard, Shard]) => Promise<void>) {
  const shards = await Promise.all([openShard(bed), openShard(bed), openShard(bed)])
  try {
    await test(shards.map(({ control }) => control) as unknown as Controls, shards)
  } finally {
    await Promise.all(shards.map(closeShard))
  }
}

const describeAll = (shards: readonly ShardControl[]) => Promise.all(shards.map((shard) => shard.describe()))
const ready = async (shards: readonly ShardControl[]) => (await describeAll(shards)).map(({ fleet }) => fleet?.ready)

/** How often each slot is owned: once, it must be. */
async function ownersOf(shards: readonly ShardControl[]): Promise<Set<number>> {
  const owners = new Array<number>(SLOT_COUNT).fill(0)
  for (const { slots } of await describeAll(shards))
    for (const row of slots) if (row.role === 'owned') owners[row.slot] = (owners[row.slot] ?? 0) + 1
  return new Set(owners)
}

function withMember<Name extends keyof ShardControl>(control: ShardControl, name: Name, other: ShardControl[Name]): ShardControl {
  return new Proxy(control, {
    get(target, asked) {
      if (asked === name) return other
      const member: unknown = Reflect.get(target, asked, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

async function move(source: Shard, target: Shard, fence: Fence, slots: readonly SlotId[]): Promise<void> {
  await prepare({ source, target, close: async () => undefined }, fence, slots)
  await switchOver(source, target, fence, slots, false)
}

/** As a pod sees it that ends when it is about to make this call. */
const dyingAt = (control: ShardControl, call: 'initialise' | 'markFleetReady') =>
  withMember(control, call, () => Promise.reject(new Error('died')))

/** Another server at its address. */
const impostorOf = (control: ShardControl, empty: ShardControl) =>
  withMember(withMember(empty, 'id', control.id), 'describe', async () => ({ ...(await empty.describe()), id: control.id }))

export function describeJoining(bed: Bed): void {
  describe(`pods that join a fleet of ${bed.kind} shards`, () => {
    it('give each slot one owner, however many start at once, and a later start changes nothing', () =>
      withShards(bed, async (shards) => {
        const starts = await Promise.all(Array.from({ length: 5 }, () => joinFleet(shards, VNODES)))
        expect(await ownersOf(shards)).toEqual(new Set([1]))
        expect(await ready(shards)).toEqual([true, true, true])
        const before = await describeAll(shards)
        expect(await joinFleet(shards, VNODES)).toEqual(starts[0])
        expect(await describeAll(shards)).toEqual(before)
      }))

    it.each([
      [0, 'initialise'],
      [1, 'initialise'],
      [0, 'markFleetReady'],
      [1, 'markFleetReady'],
    ] as const)('complete what a pod that died at shard %i, %s, had begun', (index, call) =>
      withShards(bed, async (shards) => {
        const dying = shards.map((control, at) => (at === index ? dyingAt(control, call) : control))
        await expect(joinFleet(dying, VNODES)).rejects.toThrow('died')
        await joinFleet(shards, VNODES)
        expect(await ownersOf(shards)).toEqual(new Set([1]))
        expect(await ready(shards)).toEqual([true, true, true])
      }),
    )

    it('bring the program inside each shard up to date, though the fleet works', () =>
      withShards(bed, async (shards) => {
        await joinFleet(shards, VNODES)
        const asked: string[] = []
        const watched = shards.map((shard) =>
          withMember(shard, 'initialise', async (...args) => {
            asked.push(shard.id)
            await shard.initialise(...args)
          }),
        )
        await joinFleet(watched, VNODES)
        expect(asked).toEqual(shards.map(({ id }) => id))
      }))

    it('refuse fewer shards than it was begun with', () =>
      withShards(bed, async ([one, two]) => {
        await expect(joinFleet([dyingAt(one, 'markFleetReady'), two], VNODES)).rejects.toThrow('died')
        await expect(joinFleet([one], VNODES)).rejects.toThrow(/was begun with .* too/)
      }))

    it('make a new shard of a fleet that works ready to be a source or a target of migrations', () =>
      withShards(bed, async (shards) => {
        const [one, two, added] = shards
        await joinFleet([one, two], VNODES)
        await joinFleet(shards, VNODES)
        const [before] = await describeAll([one])
        expect((await added.describe()).fleet).toEqual(before?.fleet)
        expect((await added.describe()).slots).toEqual([])
        expect(await ready(shards)).toEqual([true, true, true])
      }))

    it('refuse a shard that is empty though it was one of the first owners', () =>
      withShards(bed, async ([one, two, empty]) => {
        await joinFleet([one, two], VNODES)
        await expect(joinFleet([one, impostorOf(two, empty)], VNODES)).rejects.toThrow(/lost its state/)
      }))

    it('refuse a shard that is empty though slots were moved to it, unless they have gone on to others since', () =>
      withShards(bed, async (controls, [one, two, added]) => {
        await joinFleet([one.control, two.control], VNODES)
        await joinFleet(controls, VNODES)
        const slots = (await one.control.describe()).slots.slice(0, 2).map(({ slot }) => slot)
        await move(one, added, M1, slots)
        const empty = await openShard(bed)
        const others = [one.control, two.control]
        await expect(joinFleet([...others, impostorOf(added.control, empty.control)], VNODES)).rejects.toThrow(/lost its state/)
        await move(added, two, M2, slots)
        await joinFleet([...others, impostorOf(added.control, empty.control)], VNODES)
        expect((await empty.control.describe()).fleet?.ready).toBe(true)
        await closeShard(empty)
      }))

    it('refuse shards of two fleets', () =>
      withShards(bed, async ([one, two]) => {
        await joinFleet([one], VNODES)
        await joinFleet([two], VNODES)
        await expect(joinFleet([one, two], VNODES)).rejects.toThrow(NotOneFleet)
      }))
  })
}
