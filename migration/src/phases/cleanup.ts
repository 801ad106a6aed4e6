/** What a migration leaves behind is taken away: capture that nobody needs, and records at shards that do not own their slots. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { inChunks } from './chunks.ts'
import { batchKeysAt, controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'

const CHUNK_SLOTS = 256
/** A delete reads no record out, sends none and writes none: this many of them count as one key copied. */
const DELETES_PER_COPY = 8

export async function stopCapture(context: PhaseContext, at: ShardId, slots: readonly SlotId[], slice: Slice): Promise<void> {
  for (const chunk of inChunks(slots, CHUNK_SLOTS)) {
    if (isOver(context, slice)) return
    await controlOf(context, at).stopCapture(fenceOf(context), chunk)
  }
}

/** Deletes under the same throttle as the copy, so that it backs off as well when the fleet is slow. The shard checks in each step that it owns none of them. */
export async function discard(context: PhaseContext, at: ShardId, slots: readonly SlotId[], slice: Slice): Promise<void> {
  for (const chunk of inChunks(slots, CHUNK_SLOTS)) {
    for (let done = false; !done; ) {
      if (isOver(context, slice)) return
      const result = await controlOf(context, at).discard(fenceOf(context), chunk, batchKeysAt(context, at))
      for (const slot of chunk) context.places.delete(slot)
      context.measured.keysDiscarded += result.deleted
      done = result.done
      await context.throttle.take(Math.ceil(result.deleted / DELETES_PER_COPY), slice.signal)
    }
  }
}
