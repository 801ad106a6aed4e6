import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import { followHint } from './follow-hint.ts'
import { RoutingTable } from './routing-table.ts'

const SHARDS = ['a', 'b', 'c'] as ShardId[]
const SLOT = 5 as SlotId
const REACHABLE = [0, 1, 2]
const table = () => new RoutingTable(SHARDS, new Uint16Array(SLOT_COUNT))
const generation = (n: number) => n as Generation

describe('a claim that was turned away', () => {
  it('goes at once to the owner that the answer names, and later claims go there directly', () => {
    const known = table()
    expect(followHint(known, { slot: SLOT, asked: 0, owner: 2, generation: generation(2), tries: 0 }, REACHABLE)).toEqual({
      shard: 2,
      waitMs: 0,
    })
    expect(known.ownerOf(SLOT)).toBe(2)
  })

  it('does not follow a hint that is older than what is known', () => {
    const known = table()
    known.learn(SLOT, 2, generation(5))
    const hop = followHint(known, { slot: SLOT, asked: 1, owner: 0, generation: generation(4), tries: 0 }, REACHABLE)
    expect(hop.shard).toBe(2)
  })

  it('waits, with growing but short waits, while the slot is in flight', () => {
    const known = table()
    known.learn(SLOT, 1, generation(2))
    const hops = [1, 2, 3, 4, 5, 20].map((tries) =>
      followHint(known, { slot: SLOT, asked: 1, owner: undefined, generation: undefined, tries }, REACHABLE),
    )
    expect(hops.map((hop) => hop.waitMs)).toEqual([2, 4, 8, 16, 20, 20])
    expect(hops.filter((hop) => hop.shard === 1)).toHaveLength(3)
  })

  it('asks the source that an importing shard names, without believing it', () => {
    const known = table()
    const hop = followHint(known, { slot: SLOT, asked: 0, owner: 1, generation: undefined, tries: 0 }, REACHABLE)
    expect([hop, known.ownerOf(SLOT)]).toEqual([{ shard: 1, waitMs: 0 }, 0])
  })

  it('asks every shard in turn where nobody gives a hint', () => {
    const known = table()
    const asked = new Set([0])
    let at = 0
    for (let tries = 0; tries < 12; tries++) {
      at = followHint(known, { slot: SLOT, asked: at, owner: undefined, generation: undefined, tries }, REACHABLE).shard
      asked.add(at)
    }
    expect([...asked].sort()).toEqual([0, 1, 2])
  })
})
