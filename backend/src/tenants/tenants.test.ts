import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseTenants } from './parse-tenants.ts'
import { Tenants } from './tenants.ts'
import { TokenBucket } from './token-bucket.ts'

const { publicKey } = generateKeyPairSync('ed25519')
const SPKI = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
const RAW = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url').toString('base64')

describe('TENANTS', () => {
  it('gives a tenant that is listed twice two keys, and leaves colons in keys alone', () => {
    expect(parseTenants('a:hmac:old:key,b:none:,a:hmac:new')).toEqual([
      {
        id: 'a',
        keys: [
          { algorithm: 'hmac', secret: 'old:key' },
          { algorithm: 'hmac', secret: 'new' },
        ],
      },
      { id: 'b', keys: [{ algorithm: 'none' }] },
    ])
  })

  it('takes an Ed25519 key as 32 bytes and as SPKI, to the same key', () => {
    const [raw, spki] = parseTenants(`a:ed25519:${RAW},b:ed25519:${SPKI}`)
    expect(raw?.keys).toEqual(spki?.keys)
  })

  it.each([
    ['', /tenant id/],
    ['a', /tenant:algorithm:key/],
    ['a:hmac:', /needs a key/],
    ['a:hmac', /needs a key/],
    ['a:md5:k', /none, hmac, ed25519/],
    ['a b:hmac:k', /tenant id/],
    ['a:none:k', /takes no key/],
    ['a:none:,a:hmac:k', /pointless/],
    ['a:hmac:1,,b:hmac:2', /entry 2/],
    [Array.from({ length: 5 }, (_, i) => `a:hmac:k${i}`).join(','), /more than 4 keys/],
  ])('refuses %j', (text, says) => {
    expect(() => parseTenants(text)).toThrow(says)
  })
})

describe('finding a tenant', () => {
  it('goes by the header, and by "default" without one', () => {
    const tenants = new Tenants(
      [
        { id: 'default', keys: [] },
        { id: 'a', keys: [] },
      ],
      1,
      0,
    )
    expect(tenants.find(undefined)?.id).toBe('default')
    expect(tenants.find('a')?.id).toBe('a')
    expect(tenants.find('b')).toBeUndefined()
  })
})

describe('a token bucket', () => {
  it('holds one second of its rate, refills, and says how long to wait', () => {
    const bucket = new TokenBucket(2, 0)
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 1])
    expect(bucket.take(500)).toBe(0)
    expect(bucket.take(500)).toBe(1)
    expect([bucket.take(100_000), bucket.take(100_000), bucket.take(100_000)]).toEqual([0, 0, 1])
  })

  it('asks for longer waits at slower rates, and for none without a limit', () => {
    const slow = new TokenBucket(0.1, 0)
    expect([slow.take(0), slow.take(0)]).toEqual([0, 10])
    const unlimited = new TokenBucket(0, 0)
    expect(Array.from({ length: 100 }, () => unlimited.take(0)).every((wait) => wait === 0)).toBe(true)
  })
})
