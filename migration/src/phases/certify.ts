/**
 * Compares both sides of every moved slot once more, with their owners swapped, and issues the certificate. The slots of a slice are compared
 * while writes go on; a difference that stays means that the migration has not succeeded, and nothing is certified.
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type CertificateContent, type CertifiedSlot, issueCertificate } from '../certificate/certificate.ts'
import type { MigrationDocument } from '../document.ts'
import type { MigrationView } from '../observe.ts'
import { unpackProofs } from '../proof-packing.ts'
import { MigrationStopped } from '../stopped.ts'
import { compare, difference } from './compare.ts'
import { isOver, type PhaseContext, type Slice } from './context.ts'
import { follow } from './follow.ts'

export async function certify(context: PhaseContext, view: MigrationView, slice: Slice): Promise<void> {
  const { moves } = context.ledger.document
  await Promise.all(moves.map(({ source, target, slots }) => follow(context, { source: target, target: source, slots }, slice)))
  for (const { source, target, slots } of moves) {
    const open = slots.filter((slot) => !context.attested.has(slot))
    if (!(await attest(context, { owner: target, mirror: source, slots: open }, slice))) return
  }
  const certificate = issueCertificate(contentOf(context, context.ledger.document, view), context.signer)
  await context.onCertificate(certificate)
  await context.ledger.update(() => ({
    certificate: {
      contentId: certificate.contentId,
      issuedAtMs: certificate.content.issuedAtMs,
      slots: certificate.content.slots.length,
      keys: certificate.content.keysAfter,
    },
  }))
}

/** @returns whether all of the slots are compared; false when the slice ended before. */
async function attest(context: PhaseContext, comparing: Parameters<typeof compare>[1], slice: Slice): Promise<boolean> {
  for (let at = 0; at < comparing.slots.length; ) {
    if (isOver(context, slice)) return false
    const slots = comparing.slots.slice(at, at + context.groupSize.slots)
    at += slots.length
    const startedAtMs = context.clock.now()
    const { met, differing } = await compare(context, { ...comparing, slots }, slice)
    context.groupSize.took(context.clock.now() - startedAtMs)
    for (const [slot, proof] of met) context.attested.set(slot, proof)
    for (const slot of differing) if (!(await settleDifference(context, comparing, slot, slice))) return false
  }
  return true
}

/** A difference that stays ends the migration here. @returns false when the slot was too busy to tell. */
async function settleDifference(
  context: PhaseContext,
  { owner, mirror }: Parameters<typeof compare>[1],
  slot: SlotId,
  slice: Slice,
): Promise<boolean> {
  const found = await difference(context, { owner, mirror }, slot)
  if (!found) return false
  const again = await compare(context, { owner, mirror, slots: [slot] }, slice)
  for (const [met, proof] of again.met) context.attested.set(met, proof)
  if (again.met.size > 0) return true
  throw new MigrationStopped(
    'DigestsDiffer',
    `slot ${slot}: of the records of its owner ${owner}, ${mirror} lacks ${found.missing.length}, has ${found.extra.length} too many and holds ${found.different.length} otherwise. There is no certificate, and the migration has not succeeded: find out why, or roll it back`,
  )
}

function contentOf(context: PhaseContext, document: MigrationDocument, view: MigrationView): CertificateContent {
  const proofs = unpackProofs(document.proofs)
  const slots = document.moves.flatMap(({ source, target, slots }) =>
    slots.map((slot): CertifiedSlot => {
      const before = proofs.get(slot)
      const after = context.attested.get(slot)
      if (!before || !after)
        throw new MigrationStopped('DigestsDiffer', `slot ${slot} was never compared: there is no certificate`)
      const generationAfter = view.generations.get(slot)!
      return { slot, source, target, generationBefore: generationAfter - 1, generationAfter, before, after }
    }),
  )
  const issuedAtMs = context.clock.now()
  return {
    format: 'fractal-lba/migration-certificate/1',
    migration: document.id,
    planHash: document.planHash,
    from: document.from,
    to: document.to,
    vnodes: document.vnodes,
    startedAtMs: document.createdAtMs,
    cutOverAtMs: document.cutOverAtMs!,
    issuedAtMs,
    durationMs: issuedAtMs - document.createdAtMs,
    repairedKeys: document.repaired,
    keysBefore: slots.reduce((sum, slot) => sum + slot.before.count, 0),
    keysAfter: slots.reduce((sum, slot) => sum + slot.after.count, 0),
    slots,
  }
}
