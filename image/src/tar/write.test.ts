import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { complete, directory, file, symlink } from './entries.ts'
import { tarOf } from './write.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flk-tar-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What another implementation sees in it: `mode owner size path [-> target]` a line. */
function listedByTar(archive: Buffer): string[] {
  const at = join(folder, 'a.tar')
  writeFileSync(at, archive)
  const done = spawnSync('tar', ['--numeric-owner', '--utc', '--full-time', '-tvf', at], { encoding: 'utf8' })
  expect(done.stderr).toBe('')
  return done.stdout
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '))
}

describe('a tar', () => {
  it('is read by tar with modes, owners, links and parents that nobody named, in byte order, dated 1970', () => {
    const entries = [
      file('z/b', Buffer.from('hello'), 0o755, 65532),
      symlink('link', 'z/b'),
      directory('tmp', 0o1777),
      file('Z', Buffer.alloc(512)),
    ]
    expect(listedByTar(Buffer.concat([...tarOf(complete(entries))]))).toEqual([
      '-rw-r--r-- 0/0 512 1970-01-01 00:00:00 Z',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 link -> z/b',
      'drwxrwxrwt 0/0 0 1970-01-01 00:00:00 tmp/',
      'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 z/',
      '-rwxr-xr-x 65532/65532 5 1970-01-01 00:00:00 z/b',
    ])
  })

  it.each([
    ['a name of 100 bytes', 'n'.repeat(100)],
    ['a name that ustar splits', `${'d'.repeat(90)}/${'n'.repeat(90)}`],
    ['a path that no ustar header holds', `${'d'.repeat(160)}/${'n'.repeat(120)}`],
    ['a name that is not ASCII', 'grüße'],
  ])('keeps %s', (_, path) => {
    const archive = Buffer.concat([...tarOf([file(path, Buffer.from('x'))])])
    const at = join(folder, 'a.tar')
    writeFileSync(at, archive)
    const done = spawnSync('tar', ['--quoting-style=literal', '-tf', at], { encoding: 'utf8' })
    expect(done.stdout.trim()).toBe(path)
  })

  it('keeps a link to a long path', () => {
    const target = `../${'t'.repeat(200)}`
    expect(listedByTar(Buffer.concat([...tarOf([symlink('link', target)])]))[0]).toContain(`-> ${target}`)
  })

  it('refuses the same path twice, and a path that leaves the layer', () => {
    expect(() => complete([file('a', Buffer.alloc(0)), directory('a')])).toThrow('a layer has a twice')
    expect(() => complete([file('../a', Buffer.alloc(0))])).toThrow('not a path inside a layer')
  })
})
