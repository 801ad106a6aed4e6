/** What a conformance run stands on: fresh shards of one store kind, and the means to make records for them. */
import { hash, randomBytes } from 'node:crypto'
import { type Generation, SLOT_COUNT, type SlotId, toSlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardAddress } from '../address.ts'
import { openShardControl, openShardData } from '../open.ts'
import type { Fence, MigrationId, Put, PutOutcome, RecordBatch, ShardControl, ShardData, ShardId, SlotRow } from '../port.ts'

export interface Bed {
  readonly kind: 'memory' | 'redis' | 'postgres'
  /** The address of an empty shard that nobody uses. */
  fresh(): Promise<ShardAddress>
}

export const ALL_SLOTS: readonly SlotId[] = Array.from({ length: SLOT_COUNT }, (_, slot) => toSlotId(slot))
export const DAY_MS = 86_400_000
export const M1: Fence = { generation: 1, migration: 'm-1' as MigrationId }
export const M2: Fence = { generation: 2, migration: 'm-2' as MigrationId }
export const NOBODY = 'nobody:1' as ShardId

export const slot = toSlotId
export const generation = (value: number): Generation => value as Generation
export const soon = (): number => Date.now() + 10_000
/** Far enough ahead that the clocks of servers are of no consequence, and long before the records expire. */
export const aliveAt = (): number => Date.now() + DAY_MS

export interface Shard {
  readonly address: ShardAddress
  readonly data: ShardData
  readonly control: ShardControl
}

export interface Pair {
  /** Owns all slots at generation 1. */
  readonly source: Shard
  /** Of the same fleet, owns nothing. */
  readonly target: Shard
  close(): Promise<void>
}

export async function openShard(bed: Bed): Promise<Shard> {
  const address = await bed.fresh()
  return { address, data: openShardData(address), control: openShardControl(address) }
}

export async function closeShard(shard: Shard): Promise<void> {
  await Promise.all([shard.data.close(), shard.control.close()])
}

export async function openPair(bed: Bed): Promise<Pair> {
  const [source, target] = await Promise.all([openShard(bed), openShard(bed)])
  const fleet = { id: 'fleet-1', initialOwners: [source.control.id] }
  await source.control.initialise(fleet, ALL_SLOTS)
  await target.control.initialise(fleet, [])
  await Promise.all([source.control.markFleetReady(), target.control.markFleetReady()])
  return {
    source,
    target,
    close: async () => {
      await Promise.all([closeShard(source), closeShard(target)])
    },
  }
}

/** A random key of a slot. */
export function keyIn(of: SlotId): Buffer {
  const key = randomBytes(32)
  key.writeUInt16BE((of << 2) | ((key[1] as number) & 3), 0)
  return key
}

export function putIn(of: SlotId, fields: { key?: Buffer; record?: string | Buffer; expiresAtMs?: number } = {}): Put {
  const key = fields.key ?? keyIn(of)
  const record = fields.record ?? hash('sha512', key, 'buffer')
  return {
    key,
    slot: of,
    record: typeof record === 'string' ? Buffer.from(record) : record,
    expiresAtMs: fields.expiresAtMs ?? Date.now() + 14 * DAY_MS,
  }
}

export function putsIn(slots: readonly SlotId[], each: number): Put[] {
  return slots.flatMap((of) => Array.from({ length: each }, () => putIn(of)))
}

export async function putOne(shard: Shard, put: Put): Promise<PutOutcome> {
  return (await shard.data.put([put], soon())).outcomes[0] as PutOutcome
}

export async function putAll(shard: Shard, puts: readonly Put[]): Promise<PutOutcome[]> {
  const outcomes: PutOutcome[] = []
  for (let from = 0; from < puts.length; from += 200)
    outcomes.push(...(await shard.data.put(puts.slice(from, from + 200), soon())).outcomes)
  return outcomes
}

export async function getOne(shard: Shard, key: Buffer): Promise<string | undefined> {
  return (await shard.data.get([key], soon()))[0]?.toString()
}

export async function rowOf(shard: Shard, of: SlotId): Promise<SlotRow | undefined> {
  return (await shard.control.describe()).slots.find((row) => row.slot === of)
}

/** Copies the slots in batches as a migration engine does. @returns the batches. */
export async function copy(pair: Pair, fence: Fence, slots: readonly SlotId[], maxKeys = 500): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  let cursor: Parameters<ShardControl['exportFrom']>[0] | undefined = { slots, within: undefined }
  while (cursor) {
    const { batch, next }: Awaited<ReturnType<ShardControl['exportFrom']>> = await pair.source.control.exportFrom(cursor, maxKeys)
    batches.push(batch)
    await pair.target.control.apply(fence, batch)
    cursor = next
  }
  return batches
}

/**
 * Applies at `to` what is captured at `from`, until its queue for these slots is empty, or for some rounds (while writers write, it need never be
 * empty). @returns how many records that were.
 */
export async function drain(
  from: Shard,
  to: Shard,
  fence: Fence,
  slots: readonly SlotId[],
  maxRounds = Number.POSITIVE_INFINITY,
): Promise<number> {
  let keys = 0
  for (let round = 1; ; round++) {
    const read = await from.control.readCaptured(fence.migration, slots, 1000)
    if (!read) return keys
    await to.control.apply(fence, read.batch)
    await from.control.dropCaptured(fence, read.token)
    keys += read.batch.keys
    if (round >= maxRounds) return keys
  }
}

/** Brings slots to the state before a cutover: imported, copied, drained, verified; capture is on. */
export async function prepare(pair: Pair, fence: Fence, slots: readonly SlotId[]): Promise<void> {
  await pair.source.control.startCapture(fence, slots, pair.target.control.id)
  await pair.target.control.beginImport(fence, slots, pair.source.control.id)
  await copy(pair, fence, slots)
  await drain(pair.source, pair.target, fence, slots, 10)
  await pair.target.control.markVerified(fence, slots)
}

/** Switches owned slots from one shard to the other: release, drain, acquire. */
export async function switchOver(
  from: Shard,
  to: Shard,
  fence: Fence,
  slots: readonly SlotId[],
  captureBack: boolean,
): Promise<void> {
  await from.control.release(fence, slots, to.control.id)
  const rows = new Map((await from.control.describe()).slots.map((row) => [row.slot, row]))
  await drain(from, to, fence, slots)
  const acquired = slots.map((of) => {
    const row = rows.get(of)
    if (row?.role !== 'released') throw new Error(`slot ${of} was not released`)
    return { slot: of, generation: row.generation }
  })
  await to.control.acquire(fence, acquired, captureBack ? from.control.id : undefined)
}
