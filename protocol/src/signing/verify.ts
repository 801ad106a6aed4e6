/**
 * Verifying: tries the renderings in their order, and for each the keys in theirs (keys overlap during a rotation). A wrong signature
 * costs all of them, which bounds what a request can make a verifier do: four renderings times the keys of one tenant.
 */
import { type Ed25519Verify, ed25519Message } from './ed25519.ts'
import type { HmacKey } from './hmac-key.ts'
import { RENDERINGS, type Rendering, type SignedTexts } from './renderings.ts'

export type SignatureCheck =
  | { readonly ok: true; readonly rendering: Rendering; readonly keyIndex: number }
  /** `missing`, or not base64 of the right length, or no rendering matches with any key. */
  | { readonly ok: false; readonly why: 'missing' | 'malformed' | 'mismatch' }

const HMAC_BYTES = 32
const ED25519_BYTES = 64

export function verifyHmac(keys: readonly HmacKey[], texts: SignedTexts, sig: string | undefined): SignatureCheck {
  return tryAll(keys, texts, sig, HMAC_BYTES, (key, text, signature) => key.matches(text, signature))
}

/** `keys`: one verifying function a key, so that the caller chooses who computes. */
export function verifyEd25519(keys: readonly Ed25519Verify[], texts: SignedTexts, sig: string | undefined): SignatureCheck {
  return tryAll(keys, texts, sig, ED25519_BYTES, (key, text, signature) => key(ed25519Message(text), signature))
}

/** The bytes of a signature in padded standard base64, or undefined when it is not that. */
export function decodeSignature(sig: string, bytes: number): Buffer | undefined {
  if (sig.length !== Math.ceil(bytes / 3) * 4) return undefined
  const decoded = Buffer.from(sig, 'base64')
  return decoded.length === bytes ? decoded : undefined
}

function tryAll<K>(
  keys: readonly K[],
  texts: SignedTexts,
  sig: string | undefined,
  bytes: number,
  matches: (key: K, text: string, signature: Buffer) => boolean,
): SignatureCheck {
  if (sig === undefined || sig === '') return { ok: false, why: 'missing' }
  const signature = decodeSignature(sig, bytes)
  if (signature === undefined) return { ok: false, why: 'malformed' }
  for (let index = 0; index < RENDERINGS.length; index++) {
    const text = texts.at(index)
    if (seenBefore(texts, index, text)) continue
    for (let keyIndex = 0; keyIndex < keys.length; keyIndex++) {
      if (matches(keys[keyIndex] as K, text, signature)) return { ok: true, rendering: RENDERINGS[index] as Rendering, keyIndex }
    }
  }
  return { ok: false, why: 'mismatch' }
}

/** Renderings coincide where every real has nine decimals (`0.123456789`); what was tried is not tried again. */
function seenBefore(texts: SignedTexts, index: number, text: string): boolean {
  for (let earlier = 0; earlier < index; earlier++) if (texts.at(earlier) === text) return true
  return false
}
