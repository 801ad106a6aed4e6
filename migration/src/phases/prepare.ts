/**
 * The first step of a slot: its target takes imports, then its source captures. In this order, because from capture on the change log
 * must have somewhere to go; and capture before any copying, because I2 needs every write since the scan's first read.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { inChunks } from './chunks.ts'
import { controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'

/** Rows per call: one transaction of a few milliseconds. */
const CHUNK_SLOTS = 1024

export async function prepare(
  context: PhaseContext,
  { source, target, slots }: { source: ShardId; target: ShardId; slots: readonly SlotId[] },
  slice: Slice,
): Promise<void> {
  for (const chunk of inChunks(slots, CHUNK_SLOTS)) {
    if (isOver(context, slice)) return
    for (const slot of chunk) context.places.delete(slot)
    await controlOf(context, target).beginImport(fenceOf(context), chunk, source)
    await controlOf(context, source).startCapture(fenceOf(context), chunk, target)
  }
}
