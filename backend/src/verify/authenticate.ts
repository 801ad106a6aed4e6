/**
 * Whether a summary is its tenant's own: the signature against each of the tenant's keys. Ed25519 goes by libsodium, in half the time of
 * node:crypto, and by its rule, which refuses points of low order and encodings that are not canonical: one rule for all
 * verifiers of a fleet, so that no two ever disagree about a signature.
 */
import type { Ed25519Verify } from '@fractal-lba/protocol/signing/ed25519'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { RENDERINGS, type SignedTexts } from '@fractal-lba/protocol/signing/renderings'
import { type SignatureCheck, verifyEd25519, verifyHmac } from '@fractal-lba/protocol/signing/verify'
import sodium from 'sodium-native'
import type { TenantKeys } from './tenant-keys.ts'

export type Authentication =
  /** `rendering`: index into RENDERINGS, -1 where the tenant signs nothing. */
  { readonly ok: true; readonly rendering: number } | { readonly ok: false; readonly reason: string }

const UNSIGNED: Authentication = { ok: true, rendering: -1 }
const SIGNED: readonly Authentication[] = RENDERINGS.map((_, rendering) => ({ ok: true, rendering }))

const REASONS: Readonly<Record<Exclude<SignatureCheck, { ok: true }>['why'], string>> = {
  missing: 'is missing',
  malformed: 'is not base64 of a signature',
  mismatch: 'does not match the signed fields',
}

interface Keyring {
  readonly unsigned: boolean
  readonly hmac: readonly HmacKey[]
  readonly ed25519: readonly Ed25519Verify[]
}

export class Authenticator {
  readonly #keyrings = new Map<string, Keyring>()

  constructor(tenants: readonly TenantKeys[]) {
    for (const { id, keys } of tenants) {
      this.#keyrings.set(id, {
        unsigned: keys.some((key) => key.algorithm === 'none'),
        hmac: keys.flatMap((key) => (key.algorithm === 'hmac' ? [new HmacKey(key.secret)] : [])),
        ed25519: keys.flatMap((key) => (key.algorithm === 'ed25519' ? [ed25519With(key.publicKey)] : [])),
      })
    }
  }

  knows(tenant: string): boolean {
    return this.#keyrings.has(tenant)
  }

  /** @param tenant one that `knows` says yes to */
  check(tenant: string, texts: SignedTexts, sig: string | undefined): Authentication {
    const { unsigned, hmac, ed25519 } = this.#keyrings.get(tenant) as Keyring
    if (unsigned) return UNSIGNED
    let check: SignatureCheck = { ok: false, why: 'missing' }
    if (hmac.length > 0) check = verifyHmac(hmac, texts, sig)
    // During a change of algorithm a signature of either is good, and what the second says of a misfit is no news.
    if (!check.ok && ed25519.length > 0) {
      const second = verifyEd25519(ed25519, texts, sig)
      if (second.ok || hmac.length === 0 || check.why === 'malformed') check = second
    }
    if (!check.ok) return { ok: false, reason: REASONS[check.why] }
    return SIGNED[RENDERINGS.indexOf(check.rendering)] as Authentication
  }
}

function ed25519With(publicKey: Uint8Array): Ed25519Verify {
  return (message, signature) => sodium.crypto_sign_verify_detached(signature, message, publicKey)
}
