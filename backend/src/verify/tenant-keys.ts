/**
 * What proves that a summary is a tenant's own. A tenant may have several keys at a time, while one replaces another; `none` is for
 * tenants that sign nothing.
 */
import { createPublicKey } from 'node:crypto'

export type SigningAlgorithm = 'none' | 'hmac' | 'ed25519'

export type TenantKey =
  | { readonly algorithm: 'none' }
  | { readonly algorithm: 'hmac'; readonly secret: string }
  /** The raw point, 32 bytes. */
  | { readonly algorithm: 'ed25519'; readonly publicKey: Uint8Array }

export interface TenantKeys {
  readonly id: string
  readonly keys: readonly TenantKey[]
}

const RAW_KEY_BYTES = 32

/** @throws Error that says what is wrong with the algorithm or the key, without the key. */
export function parseTenantKey(algorithm: string, key: string): TenantKey {
  switch (algorithm) {
    case 'none':
      if (key !== '') throw new Error('the algorithm none takes no key')
      return { algorithm }
    case 'hmac':
      if (key === '') throw new Error('the algorithm hmac needs a key')
      return { algorithm, secret: key }
    case 'ed25519':
      return { algorithm, publicKey: ed25519PublicKey(key) }
    default:
      throw new Error(`"${algorithm}" is not one of none, hmac, ed25519`)
  }
}

/** Base64 of either the 32 bytes themselves or of their SPKI wrapping (what `openssl pkey -pubout -outform DER` writes). */
function ed25519PublicKey(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64').replace(/=+$/, '') !== base64.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '')) {
    throw new Error('the ed25519 public key is not base64')
  }
  if (bytes.length === RAW_KEY_BYTES) return Uint8Array.from(bytes)
  try {
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    if (key.asymmetricKeyType === 'ed25519')
      return Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url'))
  } catch {
    // Said below, with what would have been right.
  }
  throw new Error(
    `the ed25519 public key must be ${RAW_KEY_BYTES} bytes or their SPKI form, in base64; it is ${bytes.length} bytes`,
  )
}
