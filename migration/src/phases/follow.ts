/**
 * Applies what a shard has captured to the other side, oldest first. An entry leaves the log only after it was applied, so a crash between
 * the two applies it again, which changes nothing.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { FOLLOW_KEYS } from '../settings.ts'
import { applyAt } from './apply.ts'
import { controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'

export interface Following {
  /** The shard with the log. */
  readonly source: ShardId
  readonly target: ShardId
  readonly slots: readonly SlotId[]
}

/** Applies until the log of these slots is caught up with or the slice is over. Writers that go on keep adding to it, so it is not seen empty. */
export async function follow(context: PhaseContext, following: Following, slice: Slice): Promise<void> {
  while (!isOver(context, slice)) if ((await followOnce(context, following)) < FOLLOW_KEYS) return
}

/** Applies to the last entry, however long it takes: for slots that nobody writes to any more. */
export async function drain(context: PhaseContext, following: Following): Promise<void> {
  while ((await followOnce(context, following)) > 0);
}

/** @returns how many entries were applied: none when the log of these slots was empty. */
export async function followOnce(context: PhaseContext, { source, target, slots }: Following): Promise<number> {
  const captured = await controlOf(context, source).readCaptured(context.spec.id, slots, FOLLOW_KEYS)
  if (!captured) return 0
  await applyAt(context, target, captured.batch)
  await controlOf(context, source).dropCaptured(fenceOf(context), captured.token)
  context.measured.keysFollowed += captured.batch.keys
  return captured.batch.keys
}
