/**
 * The digests from before the cutover, as one text: a document holds thousands of them and is read at every look, so they travel as one
 * string that nobody has to take apart before the certificate is made. For each slot, in ascending order:
 *
 *   0  u16  slot     2  u32  count     6  u48  when, in ms     12  the first 16 bytes of the digest
 */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'

/** Which records a slot held when both sides met. */
export interface SlotProof {
  readonly count: number
  /** The first 16 bytes of the digest, base64url. */
  readonly digest: string
  readonly atMs: number
}

const PROOF_BYTES = 28

export function packProofs(proofs: ReadonlyMap<SlotId, SlotProof>): string {
  const packed = Buffer.alloc(proofs.size * PROOF_BYTES)
  let at = 0
  for (const [slot, { count, digest, atMs }] of [...proofs].sort(([a], [b]) => a - b)) {
    packed.writeUInt16BE(slot, at)
    packed.writeUInt32BE(count, at + 2)
    packed.writeUIntBE(atMs, at + 6, 6)
    packed.write(digest, at + 12, 'base64url')
    at += PROOF_BYTES
  }
  return packed.toString('base64')
}

export function unpackProofs(text: string): Map<SlotId, SlotProof> {
  const packed = Buffer.from(text, 'base64')
  const proofs = new Map<SlotId, SlotProof>()
  for (let at = 0; at + PROOF_BYTES <= packed.length; at += PROOF_BYTES)
    proofs.set(packed.readUInt16BE(at) as SlotId, {
      count: packed.readUInt32BE(at + 2),
      atMs: packed.readUIntBE(at + 6, 6),
      digest: packed.toString('base64url', at + 12, at + PROOF_BYTES),
    })
  return proofs
}
