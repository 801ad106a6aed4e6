import { createHmac, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GOLDEN_HMAC_KEY, goldenPcs } from '../pcs/golden/golden.ts'
import {
  ed25519Message,
  ed25519PrivateKey,
  ed25519PublicBytes,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verifier,
} from './ed25519.ts'
import { HmacKey } from './hmac-key.ts'
import { contentHash, RENDERINGS, render, renderCanonical, type SignedFields, SignedTexts } from './renderings.ts'
import { signEd25519, signHmac } from './sign.ts'
import { verifyEd25519, verifyHmac } from './verify.ts'

const KEY = new HmacKey(GOLDEN_HMAC_KEY)
/** Values for which all four renderings differ. */
const FIELDS: SignedFields = {
  pcs_id: 'a'.repeat(64),
  merkle_root: 'b'.repeat(64),
  epoch: 7,
  shard_id: 'shard "1"',
  D_hat: 1,
  coh_star: 1e-9,
  r: 0.25,
  budget: 0.42,
}
const plainHmac = (text: string, key: string | Buffer = GOLDEN_HMAC_KEY) =>
  createHmac('sha256', key).update(text).digest('base64')

describe('renderings', () => {
  it('are these four texts', () => {
    const ids = `"merkle_root":"${'b'.repeat(64)}","pcs_id":"${'a'.repeat(64)}"`
    expect(RENDERINGS.map((name) => render(name, FIELDS))).toEqual([
      `{"D_hat":1.000000000,"budget":0.420000000,"coh_star":0.000000001,"epoch":7,${ids},"r":0.250000000,"shard_id":"shard \\"1\\""}`,
      `{"D_hat":1.0,"budget":0.42,"coh_star":1e-09,"epoch":7,${ids},"r":0.25,"shard_id":"shard \\"1\\""}`,
      `{"D_hat":1,"budget":0.42,"coh_star":1e-9,"epoch":7,${ids},"r":0.25,"shard_id":"shard \\"1\\""}`,
      `{"budget":0.42,"coh_star":1e-9,"D_hat":1,"epoch":7,${ids},"r":0.25,"shard_id":"shard \\"1\\""}`,
    ])
  })

  it('has one content hash for one content, and another for another', () => {
    const hashOf = (fields: SignedFields) => contentHash(renderCanonical(fields)).toString('hex')
    expect(hashOf({ ...FIELDS, r: 0.25 + 1e-12 })).toBe(hashOf(FIELDS))
    expect(hashOf({ ...FIELDS, r: 0.250000001 })).not.toBe(hashOf(FIELDS))
    expect(hashOf(FIELDS)).toHaveLength(32)
  })
})

describe('HMAC', () => {
  it('verifies the summary from the field', () => {
    expect(verifyHmac([KEY], new SignedTexts(goldenPcs), goldenPcs.sig)).toEqual({
      ok: true,
      rendering: 'canonical',
      keyIndex: 0,
    })
    expect(signHmac(KEY, goldenPcs)).toBe(goldenPcs.sig)
  })

  it.each(RENDERINGS)('verifies a signature over the %s rendering and says so', (rendering) => {
    const sig = plainHmac(render(rendering, FIELDS))
    expect(verifyHmac([KEY], new SignedTexts(FIELDS), sig)).toEqual({ ok: true, rendering, keyIndex: 0 })
  })

  it('takes any of the keys of a rotation', () => {
    const sig = plainHmac(render('python', FIELDS))
    expect(verifyHmac([new HmacKey('new'), KEY], new SignedTexts(FIELDS), sig)).toEqual({
      ok: true,
      rendering: 'python',
      keyIndex: 1,
    })
  })

  it.each([
    ['no signature', undefined, 'missing'],
    ['an empty one', '', 'missing'],
    ['a short one', 'AAAA', 'malformed'],
    ['one that is not base64', '!'.repeat(44), 'malformed'],
    ['one of an Ed25519 key', Buffer.alloc(64).toString('base64'), 'malformed'],
    ['one of another key', plainHmac(renderCanonical(FIELDS), 'other'), 'mismatch'],
  ])('refuses %s', (_name, sig, why) => {
    expect(verifyHmac([KEY], new SignedTexts(FIELDS), sig)).toEqual({ ok: false, why })
  })

  it('binds every field', () => {
    const sig = signHmac(KEY, FIELDS)
    const changes: Partial<SignedFields>[] = [
      { pcs_id: 'c'.repeat(64) },
      { merkle_root: 'c'.repeat(64) },
      { epoch: 8 },
      { shard_id: 'shard "2"' },
      { D_hat: 1.000000001 },
      { coh_star: 2e-9 },
      { r: 0.250000001 },
      { budget: 0.420000001 },
    ]
    for (const change of changes) expect(verifyHmac([KEY], new SignedTexts({ ...FIELDS, ...change }), sig).ok).toBe(false)
  })

  it('is HMAC-SHA256 for any key and text', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.string({ unit: 'grapheme', maxLength: 900 }),
        (key, text) => {
          const mine = new HmacKey(key)
          const expected = plainHmac(text, Buffer.from(key))
          expect(mine.sign(text)).toBe(expected)
          expect(mine.matches(text, Buffer.from(expected, 'base64'))).toBe(true)
          expect(mine.matches(`${text}x`, Buffer.from(expected, 'base64'))).toBe(false)
        },
      ),
    )
  })

  it('refuses an empty key', () => {
    expect(() => new HmacKey('')).toThrowError(/empty/)
  })
})

describe('Ed25519', () => {
  const pair = generateKeyPairSync('ed25519')
  const publicKey = ed25519PublicKey(ed25519PublicBytes(pair.publicKey).toString('base64'))
  const verify = ed25519Verifier(publicKey)

  it.each(RENDERINGS)('verifies a signature over the SHA-256 of the %s rendering', (rendering) => {
    const sig = ed25519Sign(pair.privateKey, render(rendering, FIELDS))
    expect(verifyEd25519([verify], new SignedTexts(FIELDS), sig)).toEqual({ ok: true, rendering, keyIndex: 0 })
  })

  it('signs what it verifies, and nothing else verifies', () => {
    const sig = signEd25519(pair.privateKey, FIELDS)
    expect(verifyEd25519([verify], new SignedTexts(FIELDS), sig).ok).toBe(true)
    expect(verifyEd25519([verify], new SignedTexts({ ...FIELDS, epoch: 8 }), sig)).toEqual({ ok: false, why: 'mismatch' })
    expect(ed25519Message('x')).toHaveLength(32)
  })

  it('reads a private key as its seed or with its public half, as of RFC 8032 section 7.1', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const publicHalf = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')
    expect(ed25519PublicBytes(ed25519PrivateKey(seed.toString('base64')))).toEqual(publicHalf)
    expect(ed25519PublicBytes(ed25519PrivateKey(Buffer.concat([seed, publicHalf]).toString('base64')))).toEqual(publicHalf)
    expect(() => ed25519PrivateKey(Buffer.concat([seed, seed]).toString('base64'))).toThrowError(/belong together/)
    expect(() => ed25519PrivateKey('c2hvcnQ=')).toThrowError(/has 5 bytes/)
    expect(() => ed25519PublicKey('not base64!')).toThrowError(/is not base64/)
  })
})
