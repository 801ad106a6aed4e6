import { goldenPcs, goldenPoints } from '@fractal-lba/protocol/pcs/golden/golden'
import { parsePcs } from '@fractal-lba/protocol/pcs/parse'
import { judge } from '@fractal-lba/protocol/pcs/verdict'
import { ed25519PrivateKey, ed25519PublicBytes, ed25519PublicKey, ed25519Verifier } from '@fractal-lba/protocol/signing/ed25519'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { SignedTexts } from '@fractal-lba/protocol/signing/renderings'
import { verifyEd25519, verifyHmac } from '@fractal-lba/protocol/signing/verify'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signerOf } from './signer.ts'
import { summarise } from './summarise.ts'

describe('summarise', () => {
  it('gives the values of the field for the rows of the field', () => {
    const mine = summarise({
      shardId: 'test-shard-001',
      epoch: 1,
      points: goldenPoints,
      data: Buffer.from('x'),
      scales: goldenPcs.scales,
      seed: 42,
    })
    expect(mine).toMatchObject({
      D_hat: goldenPcs.D_hat,
      coh_star: goldenPcs.coh_star,
      N_j: goldenPcs.N_j,
      regime: goldenPcs.regime,
    })
  })

  it('makes what a verifier accepts, for any points', () => {
    const point = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(
        fc.array(point, { minLength: 1, maxLength: 50 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        (points, data, epoch) => {
          const pcs = summarise({ shardId: 's', epoch, points, data, seed: epoch, sentAt: new Date(epoch) })
          const parsed = parsePcs(Buffer.from(JSON.stringify(pcs)))
          expect(parsed).toMatchObject({ ok: true })
          if (parsed.ok) expect(judge(parsed.pcs)).toMatchObject({ kind: 'decided', verdict: 'accepted' })
        },
      ),
    )
  })

  it('refuses a window without points', () => {
    expect(() => summarise({ shardId: 's', epoch: 0, points: [], data: Buffer.alloc(0) })).toThrowError(/without points/)
  })
})

describe('signerOf', () => {
  const seed = Buffer.alloc(32, 7).toString('base64')

  it('signs with HMAC as the field does', () => {
    const { sig, ...unsigned } = goldenPcs
    expect(signerOf('hmac', 'testsecret')(unsigned).sig).toBe(sig)
    expect(verifyHmac([new HmacKey('testsecret')], new SignedTexts(unsigned), sig).ok).toBe(true)
  })

  it('signs with Ed25519', () => {
    const signed = signerOf('ed25519', seed)(goldenPcs)
    const publicKey = ed25519PublicKey(ed25519PublicBytes(ed25519PrivateKey(seed)).toString('base64'))
    expect(verifyEd25519([ed25519Verifier(publicKey)], new SignedTexts(signed), signed.sig)).toMatchObject({
      ok: true,
      rendering: 'canonical',
    })
  })

  it('leaves a summary alone without an algorithm, and refuses one without a key', () => {
    expect(signerOf('none', undefined)(goldenPcs)).toBe(goldenPcs)
    expect(() => signerOf('hmac', undefined)).toThrowError(/needs a signingKey/)
    expect(() => signerOf('ed25519', 'testsecret')).toThrowError(/Ed25519 private key/)
  })
})
