/**
 * Compares slots between the shard that owns them and its mirror. The owner's digest leaves out what is still in its change log, at the same
 * instant, which is exactly what the mirror has; and nothing but this process writes to the mirror, so the two digests speak of one
 * position of the log although writers go on. Used before the cutover (owner = source) and for the certificate (owner = target).
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import type { SlotProof } from '../proof-packing.ts'
import { EXPIRY_MARGIN_MS } from '../settings.ts'
import { controlOf, type PhaseContext, type Slice } from './context.ts'
import { follow, followOnce } from './follow.ts'

export interface Comparing {
  readonly owner: ShardId
  readonly mirror: ShardId
  readonly slots: readonly SlotId[]
}

export interface Compared {
  readonly met: ReadonlyMap<SlotId, SlotProof>
  readonly differing: readonly SlotId[]
}

/** A call that was given up on may still arrive between two digests; a difference counts only when it stays. */
const ATTEMPTS = 3

export async function compare(context: PhaseContext, { owner, mirror, slots }: Comparing, slice: Slice): Promise<Compared> {
  const met = new Map<SlotId, SlotProof>()
  let open = slots
  for (let attempt = 0; attempt < ATTEMPTS && open.length > 0; attempt++) {
    // An entry that was applied and not taken from the log (a crash between the two) makes a difference that goes away with it.
    if (attempt > 0) await follow(context, { source: owner, target: mirror, slots: open }, slice)
    const atMs = context.clock.now()
    const aliveAtMs = atMs + EXPIRY_MARGIN_MS
    const [ofOwner, ofMirror] = await Promise.all([
      controlOf(context, owner).digest(open, { aliveAtMs, withoutCaptured: context.spec.id }),
      controlOf(context, mirror).digest(open, { aliveAtMs, withoutCaptured: undefined }),
    ])
    const mirrored = new Map(ofMirror.map((digest) => [digest.slot, digest]))
    for (const { slot, count, digest } of ofOwner) {
      const other = mirrored.get(slot)
      if (other?.digest === digest && other.count === count) met.set(slot, { count, digest: shortened(digest), atMs })
    }
    open = open.filter((slot) => !met.has(slot))
  }
  context.measured.slotsCompared += met.size
  return { met, differing: open }
}

/** What differs in one slot, down to the keys. */
export interface Difference {
  /** At the owner, not at the mirror. */
  readonly missing: readonly string[]
  /** At the mirror, not at the owner. */
  readonly extra: readonly string[]
  readonly different: readonly string[]
}

/** Reads of the change log of one slot before it counts as busy. */
const MAX_READS = 1000

/** @returns undefined when the slot takes so many writes that its log was never seen empty: ask again. */
export async function difference(
  context: PhaseContext,
  { owner, mirror }: Omit<Comparing, 'slots'>,
  slot: SlotId,
): Promise<Difference | undefined> {
  const aliveAtMs = context.clock.now() + EXPIRY_MARGIN_MS
  // Records never go away before they expire, and nobody else writes to the mirror. So what the owner had before its log was applied must
  // be at the mirror after, and what the mirror has must be at the owner afterwards.
  const before = await controlOf(context, owner).listSlot(slot, aliveAtMs)
  let reads = 0
  while ((await followOnce(context, { source: owner, target: mirror, slots: [slot] })) > 0)
    if (++reads > MAX_READS) return undefined
  const mirrored = await controlOf(context, mirror).listSlot(slot, aliveAtMs)
  const after = await controlOf(context, owner).listSlot(slot, aliveAtMs)
  return {
    missing: [...before.keys()].filter((key) => !mirrored.has(key)),
    extra: [...mirrored.keys()].filter((key) => !after.has(key)),
    different: [...mirrored].filter(([key, digest]) => after.has(key) && after.get(key) !== digest).map(([key]) => key),
  }
}

/** The first 16 bytes of `algorithm:hex`, base64url. */
export function shortened(digest: string): string {
  const hex = digest.slice(digest.indexOf(':') + 1)
  return Buffer.from(hex, 'hex').subarray(0, 16).toString('base64url')
}
