import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { merkleRoot } from './merkle.ts'

const sha = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const chunk = (byte: number) => Buffer.alloc(64, byte)
const [a, b, c] = [sha(chunk(1)), sha(chunk(2)), sha(chunk(3))]

describe('merkleRoot', () => {
  it.each([
    ['no bytes', Buffer.alloc(0), '0'.repeat(64)],
    ['one short chunk', Buffer.from('x'), sha('x')],
    ['one chunk', chunk(1), a],
    ['two chunks', Buffer.concat([chunk(1), chunk(2)]), sha(a + b)],
    ['a chunk and a byte', Buffer.concat([chunk(1), Buffer.from('x')]), sha(a + sha('x'))],
    ['three chunks: the last is paired with itself', Buffer.concat([chunk(1), chunk(2), chunk(3)]), sha(sha(a + b) + sha(c + c))],
  ])('%s', (_name, data, root) => {
    expect(merkleRoot(data)).toBe(root)
  })
})
