/**
 * Copies the records of a pair of shards: several lanes, each over slots of its own; in a lane the next batch is read while the one before
 * is written. Within a lane batches are applied in order, because the batch that ends a slot marks it as copied (I2). What is in memory
 * is two batches a lane, whatever the size of the shard.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ExportCursor, RecordBatch, ShardId } from '@fractal-lba/shards/port'
import { applyAt } from './apply.ts'
import { batchKeysAt, controlOf, isOver, type PhaseContext, type Slice } from './context.ts'

/** A lane waits while its batch is made durable; with four, others keep both servers of the pair busy meanwhile. */
const LANES = 4

interface Copying {
  readonly source: ShardId
  readonly target: ShardId
  readonly slots: readonly SlotId[]
}

export async function copy(context: PhaseContext, copying: Copying, slice: Slice): Promise<void> {
  // Slots that the slice before left half-way lead their lanes, and go on where they stood.
  const begun = copying.slots.filter((slot) => context.places.has(slot))
  const fresh = copying.slots.filter((slot) => !context.places.has(slot))
  const perLane = Math.ceil(fresh.length / LANES)
  const lanes = Array.from({ length: Math.max(LANES, begun.length) }, (_, lane) => [
    ...begun.slice(lane, lane + 1),
    ...fresh.slice(lane * perLane, (lane + 1) * perLane),
  ])
  await Promise.all(lanes.filter((lane) => lane.length > 0).map((slots) => copyLane(context, { ...copying, slots }, slice)))
}

async function copyLane(context: PhaseContext, { source, target, slots }: Copying, slice: Slice): Promise<void> {
  const first = slots[0]!
  let reading: ReturnType<typeof read> | undefined = read({ slots, within: context.places.get(first) })
  while (reading) {
    const { batch, next }: Awaited<typeof reading> = await reading
    reading = next && !isOver(context, slice) ? read(next) : undefined
    await context.throttle.take(batch.keys, slice.signal)
    const result = await applyAt(context, target, batch)
    for (const slot of batch.completes) context.places.delete(slot)
    if (next?.within !== undefined) context.places.set(next.slots[0]!, next.within)
    context.measured.keysCopied += result.added
    context.measured.bytesCopied += batch.bytes
  }

  function read(from: ExportCursor): Promise<{ batch: RecordBatch; next: ExportCursor | undefined }> {
    const promise = controlOf(context, source).exportFrom(from, batchKeysAt(context, source))
    // When the write before it fails, nobody is left to await this read.
    promise.catch(() => undefined)
    return promise
  }
}

/** Copies one slot again, whole: the repair of records that the comparison found missing. */
export async function recopy(context: PhaseContext, between: { source: ShardId; target: ShardId }, slot: SlotId): Promise<void> {
  let cursor: ExportCursor | undefined = { slots: [slot], within: undefined }
  while (cursor) {
    const { batch, next }: { batch: RecordBatch; next: ExportCursor | undefined } = await controlOf(
      context,
      between.source,
    ).exportFrom(cursor, batchKeysAt(context, between.source))
    await applyAt(context, between.target, batch)
    cursor = next
  }
}
