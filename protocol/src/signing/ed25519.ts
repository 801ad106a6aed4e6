/**
 * Ed25519 keys as environment variables and files carry them (raw bytes in base64), and as node:crypto wants them. What is signed
 * is the SHA-256 of a rendering, not the rendering.
 */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

/** Verifies one signature over one message; libsodium or node:crypto can be behind it. */
export type Ed25519Verify = (message: Buffer, signature: Buffer) => boolean

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** What Ed25519 signs for a rendering. */
export function ed25519Message(text: string): Buffer {
  return Buffer.from(hash('sha256', text, 'hex'), 'hex')
}

/** @param base64 the 32-byte seed, or the seed and the public key (64 bytes) as libsodium and Go keep them. @throws RangeError */
export function ed25519PrivateKey(base64: string): KeyObject {
  const bytes = decodeKey(base64, 'private', [32, 64])
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, bytes.subarray(0, 32)]), format: 'der', type: 'pkcs8' })
  if (bytes.length === 64 && !ed25519PublicBytes(key).equals(bytes.subarray(32))) {
    throw new RangeError('the two halves of the Ed25519 private key do not belong together')
  }
  return key
}

/** @param base64 the 32 raw bytes. @throws RangeError */
export function ed25519PublicKey(base64: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, decodeKey(base64, 'public', [32])]), format: 'der', type: 'spki' })
}

/** The 32 raw bytes of the public key that belongs to `key` (private or public). */
export function ed25519PublicBytes(key: KeyObject): Buffer {
  const publicKey = key.type === 'public' ? key : createPublicKey(key)
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
}

/** Signature of a rendering, base64. */
export function ed25519Sign(key: KeyObject, text: string): string {
  return sign(null, ed25519Message(text), key).toString('base64')
}

/** Verification by node:crypto. */
export function ed25519Verifier(publicKey: KeyObject): Ed25519Verify {
  return (message, signature) => verify(null, message, publicKey, signature)
}

function decodeKey(base64: string, kind: string, lengths: readonly number[]): Buffer {
  // The message never quotes the key.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new RangeError(`the Ed25519 ${kind} key is not base64`)
  const bytes = Buffer.from(base64, 'base64')
  if (!lengths.includes(bytes.length))
    throw new RangeError(`the Ed25519 ${kind} key has ${bytes.length} bytes, not ${lengths.join(' or ')}`)
  return bytes
}
