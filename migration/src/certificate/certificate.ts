/**
 * The certificate of a migration: what both sides held, slot by slot, before and after, and who owns it now. It exists only when every
 * pair of digests met. Canonical JSON (fixed order of fields, slots ascending), named by the SHA-256 of its content, signed with Ed25519
 * where the operator has a key. `check-certificate.ts` is the other half.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { SlotProof } from '../proof-packing.ts'

export interface CertifiedSlot {
  readonly slot: number
  readonly source: string
  readonly target: string
  /** Of the slot's owner: before the cutover, and now. */
  readonly generationBefore: number
  readonly generationAfter: number
  /** At the source and at the target, when both met before the cutover. */
  readonly before: SlotProof
  /** At the target and at the source, when both met after it. */
  readonly after: SlotProof
}

export interface CertificateContent {
  readonly format: 'fractal-lba/migration-certificate/1'
  readonly migration: string
  readonly planHash: string
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly vnodes: number
  readonly startedAtMs: number
  readonly cutOverAtMs: number
  readonly issuedAtMs: number
  readonly durationMs: number
  /** Keys that the comparison before the cutover found missing at their target, and that were copied again. */
  readonly repairedKeys: number
  readonly keysBefore: number
  readonly keysAfter: number
  readonly slots: readonly CertifiedSlot[]
}

export interface Certificate {
  readonly content: CertificateContent
  /** `sha256:hex` of the canonical content. */
  readonly contentId: string
  readonly signature: { readonly algorithm: 'Ed25519'; readonly keyId: string; readonly value: string } | undefined
}

export interface CertificateSigner {
  readonly keyId: string
  readonly key: KeyObject
}

/** The bytes that are named and signed: fields in the order of the types above, one slot a line. */
export function canonicalContent(content: CertificateContent): Buffer {
  const { slots, ...head } = {
    format: content.format,
    migration: content.migration,
    planHash: content.planHash,
    from: content.from,
    to: content.to,
    vnodes: content.vnodes,
    startedAtMs: content.startedAtMs,
    cutOverAtMs: content.cutOverAtMs,
    issuedAtMs: content.issuedAtMs,
    durationMs: content.durationMs,
    repairedKeys: content.repairedKeys,
    keysBefore: content.keysBefore,
    keysAfter: content.keysAfter,
    slots: [...content.slots].sort((a, b) => a.slot - b.slot).map(canonicalSlot),
  }
  return Buffer.from(`${JSON.stringify(head)}\n${slots.map((slot) => JSON.stringify(slot)).join('\n')}\n`)
}

export function issueCertificate(content: CertificateContent, signer: CertificateSigner | undefined): Certificate {
  const bytes = canonicalContent(content)
  return {
    content,
    contentId: contentIdOf(bytes),
    signature: signer && { algorithm: 'Ed25519', keyId: signer.keyId, value: sign(null, bytes, signer.key).toString('base64') },
  }
}

export function contentIdOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export type SignatureCheck = 'valid' | 'unsigned' | 'no-key' | 'invalid'

export function checkSignature(certificate: Certificate, publicKey: KeyObject | undefined): SignatureCheck {
  if (!certificate.signature) return 'unsigned'
  if (!publicKey) return 'no-key'
  const value = Buffer.from(certificate.signature.value, 'base64')
  return verify(null, canonicalContent(certificate.content), publicKey, value) ? 'valid' : 'invalid'
}

/** Names a key by what it is: the first 16 hex digits of the SHA-256 of its public half. */
export function keyIdOf(key: KeyObject): string {
  const publicHalf = key.type === 'private' ? createPublicKey(key) : key
  return createHash('sha256')
    .update(publicHalf.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16)
}

function canonicalSlot(slot: CertifiedSlot): CertifiedSlot {
  return {
    slot: slot.slot,
    source: slot.source,
    target: slot.target,
    generationBefore: slot.generationBefore,
    generationAfter: slot.generationAfter,
    before: { count: slot.before.count, digest: slot.before.digest, atMs: slot.before.atMs },
    after: { count: slot.after.count, digest: slot.after.digest, atMs: slot.after.atMs },
  }
}
