import { describe, expect, it } from 'vitest'
import { type Lock, productionClosure } from './production-closure.ts'

const PLATFORM = { os: 'linux', cpu: 'x64' }

const lock = (packages: Lock['packages']): Lock => ({
  packages: {
    'node_modules/@x/app': { link: true, resolved: 'app' },
    'node_modules/@x/lib': { link: true, resolved: 'lib' },
    ...packages,
  },
})

describe('the production closure of a room', () => {
  it('follows rooms and packages, and leaves out what only development needs', () => {
    const closure = productionClosure(
      lock({
        app: { dependencies: { '@x/lib': '*', a: '1' } },
        lib: { dependencies: { b: '1' } },
        'node_modules/a': {},
        'node_modules/b': { dependencies: { c: '1' } },
        'node_modules/c': {},
        'node_modules/vitest': {},
      }),
      'app',
      PLATFORM,
    )
    expect([...closure.rooms]).toEqual([
      ['@x/app', 'app'],
      ['@x/lib', 'lib'],
    ])
    expect(closure.packages).toEqual(['node_modules/a', 'node_modules/b', 'node_modules/c'])
  })

  it('takes a nested version before the one at the top, as Node does', () => {
    const packages = {
      app: { dependencies: { a: '1' } },
      'node_modules/a': { dependencies: { b: '1', c: '1' } },
      'node_modules/a/node_modules/b': { dependencies: { c: '1' } },
      'node_modules/b': {},
      'node_modules/c': {},
    }
    expect(productionClosure(lock(packages), 'app', PLATFORM).packages).toEqual([
      'node_modules/a',
      'node_modules/a/node_modules/b',
      'node_modules/c',
    ])
  })

  it.each([
    ['this platform', { os: ['linux'], cpu: ['x64'], libc: ['glibc'] }, true],
    ['another processor', { os: ['linux'], cpu: ['arm64'] }, false],
    ['another C library', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }, false],
    ['all but this system', { os: ['!linux'] }, false],
    ['all but another system', { os: ['!win32'] }, true],
  ])('takes an optional package for %s: %o -> %s', (_, limits, taken) => {
    const packages = { app: { optionalDependencies: { native: '1', gone: '1' } }, 'node_modules/native': limits }
    expect(productionClosure(lock(packages), 'app', PLATFORM).packages).toEqual(taken ? ['node_modules/native'] : [])
  })

  it('takes a peer that is not optional', () => {
    const packages = {
      app: { dependencies: { a: '1' } },
      'node_modules/a': { peerDependencies: { p: '1', q: '1' }, peerDependenciesMeta: { q: { optional: true } } },
      'node_modules/p': {},
      'node_modules/q': {},
    }
    expect(productionClosure(lock(packages), 'app', PLATFORM).packages).toEqual(['node_modules/a', 'node_modules/p'])
  })

  it('names what the lock lacks, and what to do', () => {
    expect(() => productionClosure(lock({ app: { dependencies: { a: '1' } } }), 'app', PLATFORM)).toThrow(
      'package-lock.json has no a, which app needs: run npm install',
    )
  })
})
