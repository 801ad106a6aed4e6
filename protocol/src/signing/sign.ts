/** Signing, always over the canonical rendering: what every verifier tries first. */
import type { KeyObject } from 'node:crypto'
import { ed25519Sign } from './ed25519.ts'
import type { HmacKey } from './hmac-key.ts'
import { renderCanonical, type SignedFields } from './renderings.ts'

/** Base64 of HMAC-SHA256. */
export function signHmac(key: HmacKey, fields: SignedFields): string {
  return key.sign(renderCanonical(fields))
}

/** Base64 of Ed25519 over the SHA-256 of the rendering. */
export function signEd25519(key: KeyObject, fields: SignedFields): string {
  return ed25519Sign(key, renderCanonical(fields))
}
