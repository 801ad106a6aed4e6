/** Signs summaries with the agent's key, always over the canonical rendering. */
import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { ed25519PrivateKey } from '@fractal-lba/protocol/signing/ed25519'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { signEd25519, signHmac } from '@fractal-lba/protocol/signing/sign'

export type SigningAlg = 'none' | 'hmac' | 'ed25519'

/** Gives back the summary with its signature. */
export type Signer = (pcs: Pcs) => Pcs

/**
 * @param key for `hmac` the shared secret, for `ed25519` the private key in base64 (32 or 64 bytes); not needed for `none`, which leaves a
 *   signature that a summary already has. @throws RangeError for a key that the algorithm cannot use.
 */
export function signerOf(alg: SigningAlg, key: string | undefined): Signer {
  if (alg === 'none') return (pcs) => pcs
  if (key === undefined) throw new RangeError(`signingAlg "${alg}" needs a signingKey`)
  if (alg === 'hmac') {
    const hmac = new HmacKey(key)
    return (pcs) => ({ ...pcs, sig: signHmac(hmac, pcs) })
  }
  const ed25519 = ed25519PrivateKey(key)
  return (pcs) => ({ ...pcs, sig: signEd25519(ed25519, pcs) })
}
