import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../client/objects.ts'
import { ObjectStore } from './object-store.ts'
import { isAsNew } from './resource-version.ts'

const object = (name: string, version: number, uid = `uid-${name}`): KubeObject => ({
  metadata: { namespace: 'ns', name, uid, resourceVersion: String(version) },
})
const going = (name: string, version: number, finalizers: string[]): KubeObject => ({
  metadata: { ...object(name, version).metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers },
})

function storeOf() {
  let nowMs = 0
  const store = new ObjectStore<KubeObject>({
    nowMs: () => nowMs,
    trim: (one) => one,
    covers: (one) => one.metadata.labels?.left !== 'yes',
  })
  const seen = () => Object.fromEntries(store.list('ns').map(({ metadata }) => [metadata.name, Number(metadata.resourceVersion)]))
  return { store, seen, pass: (ms: number) => (nowMs += ms) }
}
const stored = (one: KubeObject) => ({ kind: 'stored', object: one }) as const
const deleted = (name: string) => ({ kind: 'deleted', ref: { namespace: 'ns', name }, uid: `uid-${name}` }) as const

describe('the object store', () => {
  it('shows our write until the stream is as new, and tells of it once', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 1)], '1')
    expect(store.wrote(stored(object('a', 5)))).toHaveLength(1)
    expect(store.apply(undefined, { type: 'MODIFIED', object: object('a', 3) })).toEqual([])
    expect(seen()).toEqual({ a: 5 })
    expect(store.apply(undefined, { type: 'MODIFIED', object: object('a', 5) })).toEqual([])
    expect(store.apply(undefined, { type: 'MODIFIED', object: object('a', 6) })).toHaveLength(1)
    expect(seen()).toEqual({ a: 6 })
  })

  it('gives up our write when any event or bookmark is newer: the stream has passed it', () => {
    for (const newer of [
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'ADDED', object: object('b', 9) },
    ] as const) {
      const { store } = storeOf()
      store.replace(undefined, [object('a', 1)], '1')
      store.wrote(stored(object('a', 5)))
      // A delivery in between that deleted it, as a stream that we joined late may show.
      store.apply(undefined, newer)
      expect(store.get({ namespace: 'ns', name: 'a' })?.metadata.resourceVersion).toBe('1')
    }
  })

  it('takes no answer that is older than what it has', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 7)], '7')
    expect(store.wrote(stored(object('a', 5)))).toEqual([])
    expect(seen()).toEqual({ a: 7 })
  })

  it('hides what we deleted while old events of it still come in, and shows its successor of the same name', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 1)], '1')
    expect(store.wrote(deleted('a'))).toEqual([{ key: 'ns/a', old: object('a', 1), new: undefined }])
    expect(store.apply(undefined, { type: 'MODIFIED', object: object('a', 2) })).toEqual([])
    expect(seen()).toEqual({})
    expect(store.apply(undefined, { type: 'DELETED', object: object('a', 3) })).toEqual([])
    store.apply(undefined, { type: 'ADDED', object: object('a', 4, 'another') })
    expect(seen()).toEqual({ a: 4 })
  })

  it('shows an object that waits for finalizers as going, and hides it once we removed the last', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 1)], '1')
    store.wrote(stored(going('a', 2, ['f'])))
    expect(seen()).toEqual({ a: 2 })
    store.wrote(stored(going('a', 3, [])))
    expect(seen()).toEqual({})
  })

  it('hides what our write took out of its labels', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 1)], '1')
    store.wrote(stored({ metadata: { ...object('a', 2).metadata, labels: { left: 'yes' } } }))
    expect(seen()).toEqual({})
  })

  it('takes a new list for the truth, except for what we wrote after it', () => {
    const { store, seen } = storeOf()
    store.replace(undefined, [object('a', 1), object('b', 2), object('c', 3)], '3')
    store.wrote(stored(object('d', 9)))
    const changes = store.replace(undefined, [object('a', 1), object('b', 5)], '8')
    expect(changes.map((change) => [change.key, change.new !== undefined])).toEqual([
      ['ns/c', false],
      ['ns/b', true],
    ])
    expect(seen()).toEqual({ a: 1, b: 5, d: 9 })
    store.replace(undefined, [object('a', 1)], '10')
    expect(seen()).toEqual({ a: 1 })
  })

  it('keeps namespaces apart: the list of one says nothing about another', () => {
    const { store, seen } = storeOf()
    store.replace('ns', [object('a', 1)], '1')
    store.wrote(stored(object('b', 5)))
    store.replace('other', [], '9')
    store.apply('other', { type: 'BOOKMARK', resourceVersion: '10' })
    expect(seen()).toEqual({ a: 1, b: 5 })
  })

  it('does not hide for ever what we deleted and the stream still has', () => {
    const { store, seen, pass } = storeOf()
    store.replace(undefined, [object('a', 1)], '1')
    store.wrote(deleted('a'))
    pass(200_000)
    store.apply(undefined, { type: 'BOOKMARK', resourceVersion: '9' })
    expect(seen()).toEqual({ a: 1 })
  })

  it.each([
    ['10', '9', true],
    ['9', '10', false],
    ['10', '10', true],
    ['12345678901234567890123', '12345678901234567890122', true],
    ['opaque', '1', false],
    ['opaque', 'opaque', true],
  ])('takes version %s as new as %s: %s', (a, b, expected) => {
    expect(isAsNew(a, b)).toBe(expected)
  })
})
