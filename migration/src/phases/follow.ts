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

/** Drains until the log of these slots is empty or the slice is over. @returns whether it was seen empty. */
export async function follow(context: PhaseContext, following: Following, slice: Slice): Promise<boolean> {
  while (!isOver(context, slice)) if ((await followOnce(context, following)) === 'empty') return true
  return false
}

/** As `follow`, but to the end, however long: for slots that nobody writes to any more. */
export async function drain(context: PhaseContext, following: Following): Promise<void> {
  while ((await followOnce(context, following)) === 'more');
}

export async function followOnce(context: PhaseContext, { source, target, slots }: Following): Promise<'empty' | 'more'> {
  const captured = await controlOf(context, source).readCaptured(context.spec.id, slots, FOLLOW_KEYS)
  if (!captured) return 'empty'
  await applyAt(context, target, captured.batch)
  await controlOf(context, source).dropCaptured(fenceOf(context), captured.token)
  context.measured.keysFollowed += captured.batch.keys
  return 'more'
}
