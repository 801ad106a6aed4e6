import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl } from '@fractal-lba/shards/open'
import type { ShardControl } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { joinFleet } from './join-fleet.ts'

const VNODES = 4
let fleets = 0

function makeShards(count: number): ShardControl[] {
  fleets++
  return Array.from({ length: count }, (_, index) => openShardControl(parseShardAddress(`memory://join-${fleets}-${index}`)))
}

const ready = async (shards: readonly ShardControl[]) =>
  Promise.all(shards.map(async (shard) => (await shard.describe()).fleet?.ready))

/** A pod that ends when it is about to mark its second shard. */
function dyingAtSecondMark([first, second, ...rest]: readonly ShardControl[]): ShardControl[] {
  const dying = new Proxy(second as ShardControl, {
    get(target, name) {
      if (name === 'markFleetReady') return () => Promise.reject(new Error('died'))
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return [first as ShardControl, dying, ...rest]
}

describe('pods that join a fleet', () => {
  it('make a new shard of a fleet that works ready to be a source or a target of migrations', async () => {
    const shards = makeShards(3)
    await joinFleet(shards.slice(0, 2), VNODES)
    await joinFleet(shards, VNODES)
    expect(await ready(shards)).toEqual([true, true, true])
    expect((await shards[2]?.describe())?.slots).toEqual([])
  })

  it('complete what a pod that died had begun, whether it had marked a shard or none', async () => {
    const shards = makeShards(3)
    await expect(joinFleet(dyingAtSecondMark(shards), VNODES)).rejects.toThrow('died')
    expect(await ready(shards)).toEqual([true, false, false])
    await joinFleet(shards, VNODES)
    expect(await ready(shards)).toEqual([true, true, true])
  })
})
