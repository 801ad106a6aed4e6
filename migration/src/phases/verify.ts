/**
 * Proves I3 for copied slots: both sides hold the same records at a common position of the change log. What is missing at the target is
 * copied again and counted; a record that is there and should not be means that someone else writes to it, and ends the migration.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { packProofs, unpackProofs } from '../proof-packing.ts'
import { MigrationStopped } from '../stopped.ts'
import { compare, difference } from './compare.ts'
import { controlOf, fenceOf, isOver, type PhaseContext, type Slice } from './context.ts'
import { recopy } from './copy.ts'
import { follow } from './follow.ts'

interface Verifying {
  readonly source: ShardId
  readonly target: ShardId
  readonly slots: readonly SlotId[]
}

/** How often one slot is repaired before its difference counts as beyond repair. */
const REPAIRS = 3

/** Slots that are recorded as verified at once: the proofs of all slots are written anew each time. */
const RECORD_SLOTS = 2048

export async function verify(context: PhaseContext, verifying: Verifying, slice: Slice): Promise<void> {
  const open = verifying.slots.filter((slot) => !context.proven.has(slot))
  let repaired = 0
  await follow(context, verifying, slice)
  for (let at = 0; at < open.length && !isOver(context, slice); ) {
    const slots = open.slice(at, at + context.groupSize.slots)
    at += slots.length
    const startedAtMs = context.clock.now()
    const { met, differing } = await compare(context, { owner: verifying.source, mirror: verifying.target, slots }, slice)
    context.groupSize.took(context.clock.now() - startedAtMs)
    for (const [slot, proof] of met) context.proven.set(slot, proof)
    for (const slot of differing) repaired += await repair(context, verifying, slot, slice)
  }
  const proven = verifying.slots.filter((slot) => context.proven.has(slot))
  if (proven.length >= Math.min(RECORD_SLOTS, verifying.slots.length))
    await markVerified(context, verifying.target, proven, repaired)
  else if (repaired > 0) await context.ledger.update((document) => ({ repaired: document.repaired + repaired }))
}

/** The proofs are the digests from before the cutover: once a slot counts as verified nobody can make them again, so they are recorded first. */
async function markVerified(context: PhaseContext, target: ShardId, slots: readonly SlotId[], repaired: number): Promise<void> {
  const proofs = slots.map((slot) => [slot, context.proven.get(slot)!] as const)
  await context.ledger.update((document) => ({
    proofs: packProofs(new Map([...unpackProofs(document.proofs), ...proofs])),
    repaired: document.repaired + repaired,
  }))
  await controlOf(context, target).markVerified(fenceOf(context), slots)
  for (const slot of slots) context.proven.delete(slot)
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
