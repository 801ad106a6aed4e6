/**
 * Proves I3 for copied slots: both sides hold the same records at a common position of the change log. What is missing at the target is
 * copied again and counted; a record that is there and should not be means that someone else writes to it, and ends the migration.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import type { SlotProof } from '../document.ts'
import { MigrationStopped } from '../stopped.ts'
import { compare, difference } from './compare.ts'
import { controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'
import { recopy } from './copy.ts'
import { GroupSize } from './group-size.ts'

interface Verifying {
  readonly source: ShardId
  readonly target: ShardId
  readonly slots: readonly SlotId[]
}

/** How often one slot is repaired before its difference counts as beyond repair. */
const REPAIRS = 3

export async function verify(context: PhaseContext, verifying: Verifying, slice: Slice): Promise<void> {
  const proofs = new Map<SlotId, SlotProof>()
  const group = new GroupSize()
  let repaired = 0
  let at = 0
  while (at < verifying.slots.length && !isOver(context, slice)) {
    const slots = verifying.slots.slice(at, at + group.slots)
    at += slots.length
    const startedAtMs = context.clock.now()
    const { met, differing } = await compare(context, { owner: verifying.source, mirror: verifying.target, slots }, slice)
    group.took(context.clock.now() - startedAtMs)
    for (const [slot, proof] of met) proofs.set(slot, proof)
    for (const slot of differing) repaired += await repair(context, verifying, slot, slice)
  }
  // The proofs are the digests from before the cutover: once a slot counts as verified nobody can make them again.
  if (proofs.size > 0 || repaired > 0)
    await context.ledger.update((document) => ({
      proofs: new Map([...document.proofs, ...proofs]),
      repaired: document.repaired + repaired,
    }))
  if (proofs.size > 0) await controlOf(context, verifying.target).markVerified(fenceOf(context), [...proofs.keys()])
}

/** @returns how many keys were missing. Leaves the slot unverified: it is compared again. */
async function repair(context: PhaseContext, { source, target }: Verifying, slot: SlotId, slice: Slice): Promise<number> {
  for (let attempt = 0; attempt < REPAIRS; attempt++) {
    const found = await difference(context, { owner: source, mirror: target }, slot)
    if (!found) return 0
    const wrong = [...found.extra, ...found.different]
    if (wrong.length > 0)
      throw new MigrationStopped(
        'Intruder',
        `slot ${slot}: ${target} holds ${found.extra.length} records that ${source} does not have and ${found.different.length} that differ (first key ${wrong[0]}): something else writes into slots that are being moved`,
      )
    if (found.missing.length > 0) {
      await recopy(context, { source, target }, slot)
      return found.missing.length
    }
    const again = await compare(context, { owner: source, mirror: target, slots: [slot] }, slice)
    if (again.met.size > 0) return 0
  }
  throw new MigrationStopped(
    'DigestsDiffer',
    `slot ${slot}: ${source} and ${target} list the same records, but their digests differ`,
  )
}
