import { encodeRecord } from '@fractal-lba/protocol/records/record'
import { dedupKey, type Generation, SLOT_COUNT, type SlotId, slotOfKey, toSlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import type { Fence, MigrationId, PutReply, ShardData, ShardId } from '@fractal-lba/shards/port'
import { ShardUnavailable } from '@fractal-lba/shards/port'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RoutingTable } from '../../routing/routing-table.ts'
import type { DedupPut } from '../port.ts'
import { ShardedStore } from './sharded-store.ts'

const ALL_SLOTS = Array.from({ length: SLOT_COUNT }, (_, slot) => toSlotId(slot))
const FENCE: Fence = { generation: 1, migration: 'm' as MigrationId }

/** A shard client that can be cut off, and that can lose the reply of a call that was carried out. */
class FaultyShard implements ShardData {
  readonly id: ShardId
  down = false
  loseReplies = 0
  forgetsEpochs = 0
  calls: number[] = []
  readonly #inner: ShardData

  constructor(inner: ShardData) {
    this.id = inner.id
    this.#inner = inner
  }

  async put(...[puts, deadlineMs]: Parameters<ShardData['put']>): Promise<PutReply> {
    this.calls.push(puts.length)
    if (this.down) throw new ShardUnavailable(this.id, 'cut off')
    const reply = await this.#inner.put(puts, deadlineMs)
    if (this.loseReplies > 0) {
      this.loseReplies--
      throw new ShardUnavailable(this.id, 'the reply was lost')
    }
    return { ...reply, epoch: reply.epoch - this.forgetsEpochs }
  }

  get: ShardData['get'] = (keys, deadlineMs) => this.#inner.get(keys, deadlineMs)
  sweepExpired: ShardData['sweepExpired'] = (slot, nowMs, limit) => this.#inner.sweepExpired(slot, nowMs, limit)
  close: ShardData['close'] = () => this.#inner.close()

  async ping(deadlineMs: number): Promise<void> {
    if (this.down) throw new ShardUnavailable(this.id, 'cut off')
    await this.#inner.ping(deadlineMs)
  }
}

let runs = 0
let shards: FaultyShard[]
let controls: ReturnType<typeof openShardControl>[]
let table: RoutingTable
let store: ShardedStore
let reroutes: number
let regressed: string[]
/** How much later than asked for the clock wakes people up. */
let oversleptMs: number

beforeEach(async () => {
  runs++
  const addresses = ['a', 'b'].map((name) => parseShardAddress(`memory://${name}-${runs}`))
  shards = addresses.map((address) => new FaultyShard(openShardData(address)))
  controls = addresses.map((address) => openShardControl(address))
  const fleet = { id: 'fleet', initialOwners: [shards[0]!.id] }
  await controls[0]!.initialise(fleet, ALL_SLOTS)
  await controls[1]!.initialise(fleet, [])
  table = new RoutingTable([shards[0]!.id, shards[1]!.id], new Uint16Array(SLOT_COUNT))
  reroutes = 0
  regressed = []
  oversleptMs = 0
  store = new ShardedStore(
    table,
    shards,
    {
      onReroutes: (count) => {
        reroutes += count
      },
      onRegressed: (shard) => regressed.push(shard),
      onReachable: () => {},
      onBroken: (error) => {
        throw error
      },
    },
    {
      nowMs: Date.now,
      after(ms, run) {
        const timer = setTimeout(run, ms + oversleptMs)
        return () => clearTimeout(timer)
      },
      soon: setImmediate,
    },
  )
})
afterEach(() => store.close())

function put(n: number, offset = n): DedupPut {
  const key = dedupKey('tenant', `pcs-${n}`)
  const expiresAtMs = Date.now() + 1e9
  const record = encodeRecord({
    verdict: 'accepted',
    reason: '',
    recomputedDHat: 1,
    recomputedBudget: 0.5,
    contentHash: Buffer.alloc(16),
    origin: { pod: 'p', segment: 1, offset },
    decidedAtMs: 0,
    expiresAtMs,
  })
  return { key, slot: slotOfKey(key), record, expiresAtMs }
}
const soon = (ms = 2000) => Date.now() + ms
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Releases slots at the first shard and acquires them at the second, `between` at the moment when nobody owns them. */
async function move(slots: readonly SlotId[], between: () => Promise<void> = async () => {}): Promise<void> {
  const [source, target] = controls as [(typeof controls)[0], (typeof controls)[0]]
  await source.acquireLease({ holder: 'test', generation: 1, ttlMs: 60_000, takeOver: true })
  await target.acquireLease({ holder: 'test', generation: 1, ttlMs: 60_000, takeOver: true })
  await source.startCapture(FENCE, slots, target.id)
  await target.beginImport(FENCE, slots, source.id)
  let cursor: Parameters<typeof source.exportFrom>[0] | undefined = { slots, within: undefined }
  while (cursor) {
    const { batch, next }: Awaited<ReturnType<typeof source.exportFrom>> = await source.exportFrom(cursor, 1000)
    await target.apply(FENCE, batch)
    cursor = next
  }
  await target.markVerified(FENCE, slots)
  await source.release(FENCE, slots, target.id)
  await between()
  for (let read = await source.readCaptured(FENCE.migration, slots, 1000); read; ) {
    await target.apply(FENCE, read.batch)
    await source.dropCaptured(FENCE, read.token)
    read = await source.readCaptured(FENCE.migration, slots, 1000)
  }
  await target.acquire(
    FENCE,
    slots.map((slot) => ({ slot, generation: 2 as Generation })),
    undefined,
  )
}

describe('a sharded store', () => {
  it('lets the first put of each key win, also within one call, and gives the losers its record', async () => {
    const first = put(1, 10)
    const outcomes = await store.putIfAbsent([first, put(1, 20), put(2)], soon())
    expect(outcomes).toEqual([{ kind: 'won' }, { kind: 'lost', record: first.record }, { kind: 'won' }])
  })

  it('finds its own claim where the reply to it was lost: a win, not a duplicate', async () => {
    shards[0]!.loseReplies = 1
    expect(await store.putIfAbsent([put(1)], soon())).toEqual([{ kind: 'won' }])
    expect(shards[0]!.calls.length).toBeGreaterThan(1)
  })

  it('gathers calls that come while others are under way into few larger ones', async () => {
    await Promise.all(range(0, 200).map((n) => store.putIfAbsent([put(n)], soon())))
    expect(shards[0]!.calls.length).toBeLessThan(10)
    expect(shards[0]!.calls.reduce((sum, size) => sum + size)).toBe(200)
  })

  it('follows slots that have moved, and goes there directly the next time', async () => {
    await store.putIfAbsent(
      range(0, 50).map((n) => put(n)),
      soon(),
    )
    await move(ALL_SLOTS)
    const again = await store.putIfAbsent(
      range(0, 100).map((n) => put(n, n + 1000)),
      soon(),
    )
    expect(again.map((outcome) => outcome.kind)).toEqual(range(0, 100).map((n) => (n < 50 ? 'lost' : 'won')))
    expect(reroutes).toBe(100)
    await store.putIfAbsent(
      range(0, 100).map((n) => put(n)),
      soon(),
    )
    expect(reroutes).toBe(100)
  })

  it('waits for a slot in flight, and decides as soon as someone owns it', async () => {
    let waiting: Promise<readonly { kind: string }[]> | undefined
    await move(ALL_SLOTS, async () => {
      waiting = store.putIfAbsent(
        range(0, 50).map((n) => put(n)),
        soon(),
      )
      const first = await Promise.race([waiting, new Promise<string>((resolve) => setTimeout(() => resolve('waits'), 30))])
      expect(first).toBe('waits')
    })
    expect((await waiting)?.every((outcome) => outcome.kind === 'won')).toBe(true)
  })

  it('says unavailable at the deadline where nobody acquires a slot in flight', async () => {
    await move(ALL_SLOTS, async () => {
      const [outcome] = await store.putIfAbsent([put(1)], soon(400))
      expect(outcome).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('no shard owned slot') })
    })
  })

  it('says the same where the deadline passes between two attempts', async () => {
    oversleptMs = 500
    await move(ALL_SLOTS, async () => {
      const [outcome] = await store.putIfAbsent([put(1)], soon(400))
      expect(outcome).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('no shard owned slot') })
    })
  })

  it('starts from a table that is wrong in every slot and still decides', async () => {
    for (const slot of ALL_SLOTS) table.confirm(slot, 1)
    const outcomes = await store.putIfAbsent(
      range(0, 20).map((n) => put(n)),
      soon(),
    )
    expect(outcomes.every((outcome) => outcome.kind === 'won')).toBe(true)
  })

  it('says unavailable for a shard that is gone, soon and not at every deadline, and recovers by itself', async () => {
    shards[0]!.down = true
    const [first] = await store.putIfAbsent([put(1)], soon(600))
    expect(first).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('cut off') })
    const before = Date.now()
    await store.putIfAbsent([put(2)], soon(30_000))
    expect(Date.now() - before).toBeLessThan(1000)
    shards[0]!.down = false
    await expect.poll(async () => (await store.putIfAbsent([put(3)], soon()))[0]?.kind).toBe('won')
    expect(store.notReadyReason).toBeUndefined()
  })

  it('is not ready where no shard answers', async () => {
    for (const shard of shards) shard.down = true
    for (const slot of ALL_SLOTS.slice(0, SLOT_COUNT / 2)) table.confirm(slot, 1)
    await store.putIfAbsent(
      range(0, 50).map((n) => put(n)),
      soon(600),
    )
    expect(store.notReadyReason).toMatch(/no shard answers/)
  })

  it('hides a shard that is away for a moment', async () => {
    shards[0]!.down = true
    const outcome = store.putIfAbsent([put(1)], soon())
    setTimeout(() => {
      shards[0]!.down = false
    }, 100)
    expect(await outcome).toEqual([{ kind: 'won' }])
  })

  it('writes nothing to a shard that has lost state, until someone acknowledges it', async () => {
    await store.putIfAbsent([put(1)], soon())
    shards[0]!.forgetsEpochs = 1
    expect(await store.putIfAbsent([put(2)], soon())).toMatchObject([{ kind: 'unavailable' }])
    expect(regressed).toEqual([shards[0]!.id])
    expect(store.shards()[0]).toMatchObject({ regressed: true })
    const calls = shards[0]!.calls.length
    expect(await store.putIfAbsent([put(3)], soon())).toMatchObject([{ kind: 'unavailable' }])
    expect(shards[0]!.calls.length).toBe(calls)
    expect(store.acknowledge(shards[0]!.id)).toBe(true)
    // Its own claim of before is there and is recognised.
    expect(await store.putIfAbsent([put(2)], soon())).toEqual([{ kind: 'won' }])
  })

  it('slows the writers of the slots that it is told to, and no others', async () => {
    const [slowed, free] = [put(1), put(2)]
    store.slowDown({ slots: [slowed.slot], delayMs: 80 })
    const startedMs = Date.now()
    await store.putIfAbsent([free], soon())
    expect(Date.now() - startedMs).toBeLessThan(60)
    await store.putIfAbsent([slowed], soon())
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(78)
    store.slowDown(undefined)
    const again = Date.now()
    await store.putIfAbsent([put(1)], soon())
    expect(Date.now() - again).toBeLessThan(60)
  })
})
