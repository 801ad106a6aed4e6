import { describe, expect, it } from 'vitest'
import { parseShardAddress, type ShardCredentials, withCredentials } from './address.ts'

const PASSWORD = 'p@ss:w/rd%41#?é'

describe('credentials that are kept apart from an address', () => {
  it.each<[address: string, credentials: ShardCredentials, username: string]>([
    ['redis://shard-0:6379', { password: PASSWORD }, ''],
    ['rediss://shard-0', { username: 'flk', password: PASSWORD }, 'flk'],
    ['redis://shard-0:6379/3', { username: 'f:l@k', password: PASSWORD }, 'f:l@k'],
    ['postgres://db-0/dedup?sslmode=disable', { username: 'flk', password: PASSWORD }, 'flk'],
  ])('are added to %s, and leave its id and the rest of it as they were', (text, credentials, username) => {
    const plain = parseShardAddress(text)
    const address = withCredentials(plain, credentials)
    const url = new URL(address.url)
    expect(decodeURIComponent(url.password)).toBe(PASSWORD)
    expect(decodeURIComponent(url.username)).toBe(username)
    expect(address.id).toBe(plain.id)
    expect(parseShardAddress(address.url).id).toBe(plain.id)
    url.username = ''
    url.password = ''
    expect(url.href).toBe(new URL(text).href)
  })

  it.each(['redis://:own@shard-0', 'redis://only-a-user@shard-0', 'postgres://u:own@db-0/dedup', 'memory://shard-0'])(
    'do not replace those of %s',
    (text) => {
      const address = parseShardAddress(text)
      expect(withCredentials(address, { username: 'other', password: PASSWORD })).toBe(address)
    },
  )

  it('may be missing', () => {
    const address = parseShardAddress('redis://shard-0')
    expect(withCredentials(address, undefined)).toBe(address)
  })
})
