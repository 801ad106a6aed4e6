import { generateKeyPairSync, sign } from 'node:crypto'
import { ed25519Message, ed25519PublicBytes } from '@fractal-lba/protocol/signing/ed25519'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { RENDERINGS, SignedTexts } from '@fractal-lba/protocol/signing/renderings'
import { describe, expect, it } from 'vitest'
import { summary } from '../testing/summaries.ts'
import { Authenticator } from './authenticate.ts'
import type { TenantKey } from './tenant-keys.ts'

const texts = new SignedTexts(summary(1, { D_hat: 1, coh_star: 1e-9 }))
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const ed25519: TenantKey = { algorithm: 'ed25519', publicKey: ed25519PublicBytes(publicKey) }
const hmac = (secret: string): TenantKey => ({ algorithm: 'hmac', secret })
const signedBy = (secret: string, rendering = 0) => new HmacKey(secret).sign(texts.at(rendering))
const signedByEd25519 = (rendering = 0) => sign(null, ed25519Message(texts.at(rendering)), privateKey).toString('base64')
const check = (keys: readonly TenantKey[], sig: string | undefined) =>
  new Authenticator([{ id: 't', keys }]).check('t', texts, sig)

describe('a signature', () => {
  it('is good over each of the renderings that the field uses, with either algorithm', () => {
    RENDERINGS.forEach((_, rendering) => {
      expect(check([hmac('k')], signedBy('k', rendering)).ok).toBe(true)
      expect(check([ed25519], signedByEd25519(rendering)).ok).toBe(true)
    })
    expect(check([hmac('k')], signedBy('k', 1))).toEqual({ ok: true, rendering: 1 })
  })

  it('is good with any of the tenant’s keys while one replaces another, also of another algorithm', () => {
    const keys = [hmac('old'), hmac('new'), ed25519]
    for (const sig of [signedBy('old'), signedBy('new'), signedByEd25519()]) expect(check(keys, sig).ok).toBe(true)
    expect(check(keys, signedBy('other'))).toEqual({ ok: false, reason: 'does not match the signed fields' })
  })

  it('is refused where it is missing, misshapen or changed', () => {
    expect(check([hmac('k')], undefined)).toEqual({ ok: false, reason: 'is missing' })
    expect(check([hmac('k')], 'AAAA')).toEqual({ ok: false, reason: 'is not base64 of a signature' })
    expect(check([ed25519], signedBy('k')).ok).toBe(false)
    const bytes = Buffer.from(signedByEd25519(), 'base64')
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(check([ed25519], changed.toString('base64')).ok).toBe(false)
    }
  })

  it('of a key of low order is refused, which node:crypto would accept', () => {
    // The neutral element as key, R = neutral element, S = 0: holds for every message.
    const neutral = Buffer.alloc(32)
    neutral[0] = 1
    const forged = Buffer.concat([neutral, Buffer.alloc(32)]).toString('base64')
    expect(check([{ algorithm: 'ed25519', publicKey: neutral }], forged).ok).toBe(false)
  })

  it('is not asked of a tenant without keys', () => {
    expect(check([{ algorithm: 'none' }], undefined)).toEqual({ ok: true, rendering: -1 })
  })
})
