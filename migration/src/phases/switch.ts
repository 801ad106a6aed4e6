/**
 * Changes the owner of slots, a batch at a time: the owner lets go, its change log is applied to the last entry, the other side acquires.
 * Between the first and the last step nobody owns the slots (I1) and their writers wait, so the log is applied before, the
 * batches are small, and a switch that was begun is always finished, whatever the slice says.
 */
import type { Generation } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import type { SlotAt } from '../decide.ts'
import { inChunks } from './chunks.ts'
import { controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'
import { drain, follow } from './follow.ts'

/** So often the log of all slots that are still to be switched is applied, so that the part of a batch is short when its writers wait. */
const FOLLOW_EVERY_MS = 200

interface Switching {
  readonly source: ShardId
  readonly target: ShardId
  readonly slots: readonly SlotAt[]
  /** The owner has let go already: their generation is the new one. */
  readonly released: boolean
}

/** Source to target. From here the target captures for the source, so that there is a way back. */
export async function switchForward(context: PhaseContext, switching: Switching, slice: Slice): Promise<void> {
  await switchBetween(context, { ...switching, captureBack: true }, slice)
}

/** Target to source, with every write since the cutover. */
export async function switchBack(
  context: PhaseContext,
  { source, target, slots, released }: Switching,
  slice: Slice,
): Promise<void> {
  await switchBetween(context, { source: target, target: source, slots, released, captureBack: false }, slice)
}

/**
 * Slots that the source released and the target never acquired return to the source, which has every write to them. Only safe once
 * every earlier call to the target is fenced: an acquire on its way would make a second owner. `turn` has seen to that.
 */
export async function takeBack(context: PhaseContext, { source, slots }: Omit<Switching, 'released'>): Promise<void> {
  const acquired = slots.map(({ slot, generation }) => ({ slot, generation: (generation + 1) as Generation }))
  // The acquire drops what was still in the change log: it was on its way to a target that never became the owner.
  await controlOf(context, source).acquire(fenceOf(context), acquired, undefined)
}

async function switchBetween(
  context: PhaseContext,
  { source, target, slots, released, captureBack }: Switching & { captureBack: boolean },
  slice: Slice,
): Promise<void> {
  const owner = controlOf(context, source)
  const next = controlOf(context, target)
  const all = slots.map(({ slot }) => slot)
  let followedAtMs = Number.NEGATIVE_INFINITY
  for (const batch of inChunks(slots, context.settings.switchSlots)) {
    // Slots that wait are finished even when the slice is over; others are not begun.
    if (!released && isOver(context, slice)) return
    const ids = batch.map(({ slot }) => slot)
    if (!released && context.clock.now() - followedAtMs > FOLLOW_EVERY_MS) {
      await follow(context, { source, target, slots: all }, slice)
      followedAtMs = context.clock.now()
    }
    const startedAtMs = context.clock.now()
    if (!released) await owner.release(fenceOf(context), ids, target)
    await drain(context, { source, target, slots: ids })
    const acquired = batch.map(({ slot, generation }) => ({
      slot,
      generation: (released ? generation : generation + 1) as Generation,
    }))
    await next.acquire(fenceOf(context), acquired, captureBack ? source : undefined)
    context.measured.held(context.clock.now() - startedAtMs)
  }
}
