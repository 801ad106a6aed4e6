import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Fault, SeenRequest } from '../testing/fault-proxy.ts'
import { EXPIRED_LINE } from '../testing/fault-proxy.ts'
import { type Proxied, proxiedClient, QUICK, startWidgetServer } from '../testing/proxied.ts'
import { until } from '../testing/until.ts'
import { WIDGET, type Widget, widget } from '../testing/widgets.ts'
import type { Cache } from './cache.ts'

let server: Proxied
const isWatch = (request: SeenRequest) => request.isWatch
const isList = (request: SeenRequest) => request.method === 'GET' && !request.isWatch
const sizes = (cache: Cache<Widget>) =>
  Object.fromEntries(cache.list().map((item) => [`${item.metadata.namespace}/${item.metadata.name}`, item.spec?.size]))

beforeAll(async () => {
  server = await startWidgetServer(['one', 'two', 'three'])
})
afterAll(() => server?.close())

let count = 0
/** A name of its own for each test, since they share the server. */
let name: string
beforeEach(() => {
  name = `w${++count}`
})

const create = (namespace: string, suffix = '') => server.direct.create(WIDGET, widget(namespace, name + suffix))
const resize = (namespace: string, size: number) => server.direct.mergePatch(WIDGET, { namespace, name }, { spec: { size } })
const remove = (namespace: string) => server.direct.delete(WIDGET, { namespace, name })
/** Reads what the API server has, until the cache has the same: no object lost, none left over. */
async function untilEqual(cache: Cache<Widget>, namespaces = ['one', 'two', 'three']): Promise<void> {
  const { items } = await server.direct.list(WIDGET)
  const wanted = items.filter((item) => namespaces.includes(item.metadata.namespace as string))
  const versions = (all: readonly Widget[]) =>
    all.map(({ metadata: m }) => `${m.namespace}/${m.name}@${m.resourceVersion}`).sort()
  await until('the cache equals the server', () => JSON.stringify(versions(cache.list())) === JSON.stringify(versions(wanted)))
}

describe('a cache', () => {
  it('lists in pages of 500, then watches from the version of the list, with bookmarks and a jittered time limit', async () => {
    await using through = await proxiedClient(server.plane)
    for (let i = 0; i < 3; i++) {
      const { random, ...times } = { random: () => i / 2, ...QUICK }
      const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['one'], random, times })
      cache.start()
      await cache.synced()
      await until('it watches', () => through.proxy.requests.filter(isWatch).length === i + 1)
    }
    const [list] = through.proxy.requests.filter(isList)
    expect(list).toMatchObject({ path: '/apis/testing.fractal.lba.io/v1/namespaces/one/widgets', query: { limit: '500' } })
    const watches = through.proxy.requests.filter(isWatch).map(({ query }) => query)
    for (const query of watches)
      expect(query).toMatchObject({ allowWatchBookmarks: 'true', resourceVersion: expect.stringMatching(/^\d+$/) })
    expect(watches.map(({ timeoutSeconds }) => timeoutSeconds)).toEqual(['300', '450', '600'])
  })

  it('puts pages together, drops managedFields, and keeps to its labels', async () => {
    await using through = await proxiedClient(server.plane)
    const labels = { test: name }
    const many = Array.from({ length: 1_003 }, (_, i) => ({
      ...widget('three', `${name}-${i}`),
      metadata: { namespace: 'three', name: `${name}-${i}`, labels },
    }))
    await Promise.all(many.map((one) => server.direct.create(WIDGET, one)))
    const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['three'], labels })
    cache.start()
    await cache.synced()
    expect(cache.list()).toHaveLength(1_003)
    expect(through.proxy.requests.filter(isList)).toHaveLength(3)
    expect(cache.get({ namespace: 'three', name: `${name}-7` })?.metadata).not.toHaveProperty('managedFields')
    await server.direct.create(WIDGET, widget('three', `${name}-other`))
    await server.direct.mergePatch(WIDGET, { namespace: 'three', name: `${name}-0` }, { metadata: { labels: { test: null } } })
    await until('the one without the label is gone', () => cache.get(`three/${name}-0`) === undefined)
    expect(cache.list()).toHaveLength(1_002)
    await Promise.all(many.map((one) => server.direct.delete(WIDGET, one.metadata)))
    await server.direct.delete(WIDGET, { namespace: 'three', name: `${name}-other` })
    await until('all are gone', () => cache.list().length === 0)
  })

  it('keeps one cache of several namespaces, without asking for more than those', async () => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    await create('two')
    await create('three')
    const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['one', 'three'] })
    cache.start()
    await cache.synced()
    await resize('three', 3)
    await remove('one')
    await untilEqual(cache, ['one', 'three'])
    expect(through.proxy.requests.every(({ path }) => /namespaces\/(one|three)\//.test(path))).toBe(true)
  })

  const expiries: [string, Fault][] = [
    ['a 410 as HTTP status', { kind: 'status', status: 410, reason: 'Expired' }],
    ['a 410 within the stream', { kind: 'inject', lines: 0, text: EXPIRED_LINE }],
  ]
  it.each(expiries)('lists again after %s, and loses nothing', async (_, fault) => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    await create('two')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await until('it watches', () => through.proxy.openWatches === 1)
    through.proxy.add({ when: isWatch, fault, times: 1 })
    through.proxy.cut()
    await resize('one', 2)
    await remove('two')
    await create('three')
    await untilEqual(cache)
    await until('it lists again', () => through.proxy.requests.filter(isList).length >= 2)
    await until('it watches again', () => through.proxy.openWatches === 1)
    await resize('one', 3)
    await untilEqual(cache)
  })

  it('lists everything at once when the pages of a list expire before they are read', async () => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    through.proxy.add({
      when: (request) => isList(request) && 'limit' in request.query,
      fault: { kind: 'status', status: 410, reason: 'Expired' },
    })
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await untilEqual(cache)
  })

  const troubles: [string, Fault][] = [
    ['429 with Retry-After', { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }],
    ['429 without it', { kind: 'status', status: 429, reason: 'TooManyRequests' }],
    ['500', { kind: 'status', status: 500, reason: 'InternalError' }],
    ['503', { kind: 'status', status: 503, reason: 'ServiceUnavailable' }],
    ['403', { kind: 'status', status: 403, reason: 'Forbidden' }],
    ['a reset connection', { kind: 'reset' }],
    ['a request that is never answered', { kind: 'hang' }],
    ['a lost answer', { kind: 'lose-answer' }],
  ]
  it.each(troubles)('gets through %s, on lists and on watches', async (_, fault) => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: isList, fault, times: 2 })
    through.proxy.add({ when: isWatch, fault, times: 2 })
    await create('one')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await resize('one', 2)
    await until('it watches', () => through.proxy.openWatches === 1)
    await remove('one')
    await untilEqual(cache)
    if (fault.kind !== 'status' || fault.status !== 429) expect(through.errors.length).toBeGreaterThanOrEqual(2)
  })

  it('begins anew with a list when it cannot resume, time after time', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: isWatch, fault: { kind: 'inject', lines: 0, text: 'garbage\n' }, times: 6 })
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await until('it watches', () => through.proxy.openWatches === 1)
    await create('one')
    await untilEqual(cache)
    expect(through.proxy.requests.filter(isList).length).toBeGreaterThan(1)
    await until('it watches again', () => through.proxy.openWatches === 1)
    await remove('one')
    await untilEqual(cache)
  })

  it('waits as long as Retry-After says, on lists and on watches', async () => {
    await using through = await proxiedClient(server.plane)
    const fault: Fault = { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }
    through.proxy.add({ when: isList, fault, times: 1 })
    through.proxy.add({ when: isWatch, fault, times: 1 })
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await until('it watches', () => through.proxy.openWatches === 1)
    for (const when of [isList, isWatch]) {
      const [refused, repeated] = through.proxy.requests.filter(when)
      expect((repeated?.atMs ?? 0) - (refused?.atMs ?? 0)).toBeGreaterThanOrEqual(990)
    }
  })

  const streams: [string, Fault][] = [
    ['a reset in mid-stream', { kind: 'reset-after', lines: 1 }],
    ['bytes that stop', { kind: 'hang-after', lines: 1 }],
    ['a line that is not JSON', { kind: 'inject', lines: 1, text: '<html>bad gateway</html>\n' }],
    ['a line that is no event', { kind: 'inject', lines: 1, text: '{"type":"ADDED","object":null}\n' }],
    ['half an event', { kind: 'inject', lines: 1, text: '{"type":"ADDED","obj' }],
    [
      'an ERROR event that is not a 410',
      { kind: 'inject', lines: 1, text: '{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}\n' },
    ],
    ['a stream that ends', { kind: 'inject', lines: 1, text: '' }],
  ]
  it.each(streams)('goes on from where it was after %s, without a new list', async (_, fault) => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    through.proxy.add({ when: isWatch, fault, times: 1 })
    const cache = through.cacheOf<Widget>({ type: WIDGET, times: { ...QUICK, inactivityMs: 300 } })
    cache.start()
    await cache.synced()
    await until('it watches', () => through.proxy.openWatches === 1)
    for (let size = 2; size <= 5; size++) await resize('one', size)
    await untilEqual(cache)
    await remove('one')
    await untilEqual(cache)
    expect(through.proxy.requests.filter(isList)).toHaveLength(1)
  })

  it('delivers deletions that happened while it was cut off and its version had expired', async () => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    await create('two')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    const deleted: string[] = []
    cache.onChange((change) => change.new === undefined && deleted.push(change.key))
    cache.start()
    await cache.synced()
    const takeBack = through.proxy.add({ when: () => true, fault: { kind: 'reset' } })
    through.proxy.cut()
    await remove('one')
    await remove('two')
    await create('two')
    through.proxy.add({ when: isWatch, fault: { kind: 'status', status: 410, reason: 'Expired' }, times: 1 })
    takeBack()
    await untilEqual(cache)
    expect(deleted).toEqual([`one/${name}`])
    expect(cache.get(`two/${name}`)?.metadata.uid).toBe(
      (await server.direct.get(WIDGET, { namespace: 'two', name }))?.metadata.uid,
    )
  })

  it('shows a writer its own write while the watch lags behind', async () => {
    await using through = await proxiedClient(server.plane)
    const lag = Promise.withResolvers<void>()
    through.proxy.add({ when: isWatch, fault: { kind: 'hold', until: lag.promise } })
    await create('one')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    const seen: (number | undefined)[] = []
    cache.onChange((change) => change.key === `one/${name}` && seen.push(change.new?.spec?.size))
    cache.start()
    await cache.synced()
    await resize('one', 2)
    await through.client.mergePatch(WIDGET, { namespace: 'one', name }, { spec: { size: 3 } })
    expect(cache.get(`one/${name}`)?.spec?.size).toBe(3)
    await through.client.create(WIDGET, widget('two', name))
    expect(sizes(cache)).toMatchObject({ [`two/${name}`]: 1 })
    await through.client.delete(WIDGET, { namespace: 'two', name })
    expect(cache.get(`two/${name}`)).toBeUndefined()
    lag.resolve()
    await untilEqual(cache)
    await resize('one', 4)
    await until('the last size is seen', () => seen.at(-1) === 4)
    // Never back to 2, which the watch brought after 3 had been written.
    expect(seen).toEqual([1, 3, 4])
  })

  it('refreshes: sees all that was written before, however far the watch lags behind', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: isWatch, fault: { kind: 'hang-after', lines: 0 } })
    await create('one')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await resize('one', 9)
    await cache.refresh()
    expect(cache.get(`one/${name}`)?.spec?.size).toBe(9)
  })

  it('contains and counts a handler that throws', async () => {
    await using through = await proxiedClient(server.plane)
    const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['one'] })
    let told = 0
    cache.onChange(() => {
      throw new Error('a bug in a handler')
    })
    cache.onChange(() => told++)
    cache.start()
    await cache.synced()
    const before = told
    await create('one')
    await until('the other handler is told', () => told === before + 1)
    expect(cache.handlerErrors).toBe(told)
    expect(through.errors.at(-1)).toContain(`handling a change of widgets one/${name}: a bug in a handler`)
  })

  it('stops wherever it is: while it lists, waits, opens a watch or reads one', async () => {
    const places: Fault[] = [{ kind: 'hang' }, { kind: 'status', status: 500, reason: 'InternalError' }]
    for (const when of [isList, isWatch]) {
      for (const fault of [...places, undefined]) {
        await using through = await proxiedClient(server.plane)
        if (fault) through.proxy.add({ when, fault })
        const cache = through.cacheOf<Widget>({ type: WIDGET, times: { ...QUICK, requestMs: 60_000 } })
        cache.start()
        await until('it is there', () => through.proxy.requests.some(when))
        await cache.stop()
        // What was on the wire arrives meanwhile; afterwards there is nothing, though it would have tried again within milliseconds.
        const reads = () => server.direct.list(WIDGET, { namespace: 'one' })
        for (let i = 0; i < 3; i++) await reads()
        const requests = through.proxy.requests.length
        for (let i = 0; i < 10; i++) await reads()
        expect(through.proxy.requests).toHaveLength(requests)
      }
    }
  })

  it('says since when it is out of date, and why', async () => {
    await using through = await proxiedClient(server.plane)
    const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['one'] })
    expect(cache.stale()).toBe('widgets in namespace one are not listed yet')
    cache.start()
    await cache.synced()
    // The proxy has the watch before the cache has its answer.
    await until('it watches', () => through.proxy.openWatches === 1 && cache.stale(0) === undefined)
    const takeBack = through.proxy.add({ when: () => true, fault: { kind: 'status', status: 503, reason: 'ServiceUnavailable' } })
    through.proxy.cut()
    await until('it is stale', () =>
      /widgets in namespace one are out of date since \d+ s: .*503 ServiceUnavailable/.test(cache.stale(100) ?? ''),
    )
    takeBack()
    await until('it is well again', () => cache.stale(100) === undefined)
  })

  it('goes on when the API server is killed and comes back', async () => {
    await using through = await proxiedClient(server.plane)
    await create('one')
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await server.plane.killApiServer()
    await until('it notices', () => cache.stale(0) !== undefined)
    expect(cache.get(`one/${name}`)?.spec?.size).toBe(1)
    await server.plane.startApiServer()
    await resize('one', 2)
    await untilEqual(cache)
    await remove('one')
    await untilEqual(cache)
  })
})
