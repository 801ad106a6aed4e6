import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../client/api-error.ts'
import { systemClock } from '../clock.ts'
import { addFinalizer, finalize } from '../finalizers.ts'
import { addOwnerReference, controllerReference } from '../owner-references.ts'
import type { Reconcile } from '../reconcile.ts'
import type { SeenRequest } from '../testing/fault-proxy.ts'
import { type Proxied, type ProxiedClient, proxiedClient, startWidgetServer } from '../testing/proxied.ts'
import { until } from '../testing/until.ts'
import { CONFIG_MAP, WIDGET, type Widget, widget } from '../testing/widgets.ts'
import { Controller, type ControllerOptions } from './controller.ts'

let server: Proxied
const FINALIZER = 'testing.fractal.lba.io/clean-up'
const isList = (request: SeenRequest) => request.method === 'GET' && !request.isWatch
const done = { kind: 'done' } as const

beforeAll(async () => {
  server = await startWidgetServer(['one'])
})
afterAll(() => server?.close())

let count = 0
let name: string
let key: string
beforeEach(() => {
  name = `w${++count}`
  key = `one/${name}`
})

/** A controller of widgets that runs until the test ends. */
async function running(through: ProxiedClient, reconcile: Reconcile, options: Partial<ControllerOptions<Widget>> = {}) {
  const cache = through.cacheOf<Widget>({ type: WIDGET })
  const maps = through.cacheOf({ type: CONFIG_MAP, namespaces: ['one'] })
  const onError = (doing: string, error: unknown) => through.errors.push(`${doing}: ${error}`)
  const controller = new Controller<Widget>({ name: 'widget', cache, reconcile, clock: systemClock, onError, ...options }).owns(
    maps,
  )
  const stop = new AbortController()
  cache.start()
  maps.start()
  const run = controller.run(stop.signal)
  return {
    ...{ cache, controller, run },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await run
    },
  }
}

describe('a controller', () => {
  it('wakes the owner when something it owns changes or is deleted', async () => {
    await using through = await proxiedClient(server.plane)
    let runs = 0
    await using _ = await running(through, async (woken) => {
      if (woken === key) runs++
      return done
    })
    const owner = await server.direct.create(WIDGET, widget('one', name))
    await until('it runs for the owner', () => runs === 1)
    const owned = { namespace: 'one', name, ownerReferences: [controllerReference(WIDGET, owner)] }
    await server.direct.create(CONFIG_MAP, { metadata: owned })
    await until('it runs for the new child', () => runs === 2)
    await server.direct.mergePatch(CONFIG_MAP, owned, { data: { a: '1' } })
    await until('it runs for the changed child', () => runs === 3)
    await server.direct.delete(CONFIG_MAP, owned)
    await until('it runs for the deleted child', () => runs === 4)
    await server.direct.create(CONFIG_MAP, { metadata: { namespace: 'one', name: `${name}-free` } })
    await server.direct.create(CONFIG_MAP, { metadata: { ...owned, name: `${name}-last` } })
    await until('it runs for the last child', () => runs === 5)
  })

  it('reconciles nothing before its caches hold everything, however slow the list', async () => {
    await using through = await proxiedClient(server.plane)
    const list = Promise.withResolvers<void>()
    through.proxy.add({
      when: (request) => isList(request) && request.path.endsWith('configmaps'),
      fault: { kind: 'hold', until: list.promise },
    })
    await server.direct.create(WIDGET, widget('one', name))
    const runs: string[] = []
    await using started = await running(through, async (woken) => {
      runs.push(woken)
      return done
    })
    await started.cache.synced()
    await until('its other cache is asked for', () =>
      through.proxy.requests.some((request) => request.path.endsWith('configmaps')),
    )
    expect(runs).toEqual([])
    list.resolve()
    await until('it runs', () => runs.includes(key))
  })

  it('gives up with the reason when its caches are not up to date within the limit', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: isList, fault: { kind: 'status', status: 403, reason: 'Forbidden' } })
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    const controller = new Controller<Widget>({
      name: 'widget',
      cache,
      reconcile: async () => done,
      clock: systemClock,
      syncLimitMs: 300,
      onError: () => {},
    })
    const failed = controller.start(new AbortController().signal)
    await expect(failed).rejects.toThrow(
      /the caches are not up to date after 300 ms: widgets are not listed yet: .*403 Forbidden: injected/,
    )
    // Pausing between its tries all the same.
    expect(through.proxy.requests.length).toBeLessThan(20)
  })

  it('never reconciles from a state older than its own last write', async () => {
    await using through = await proxiedClient(server.plane)
    const lag = Promise.withResolvers<void>()
    through.proxy.add({
      when: (request) => request.isWatch && request.path.endsWith('widgets'),
      fault: { kind: 'hold', until: lag.promise },
    })
    await server.direct.create(WIDGET, widget('one', name, 0))
    const read: (number | undefined)[] = []
    await using started = await running(through, async (woken) => {
      if (woken !== key) return done
      const size = started.cache.get(woken)?.spec?.size ?? -1
      read.push(size)
      if (size < 5) await through.client.mergePatch(WIDGET, { namespace: 'one', name }, { spec: { size: size + 1 } })
      return { kind: 'requeue', afterMs: 1 }
    })
    await until('it has counted to five', () => read.includes(5))
    lag.resolve()
    await until('the watch has caught up', async () => {
      await started.cache.refresh()
      return read.at(-1) === 5
    })
    expect(read.filter((size, i) => size !== read[i - 1])).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('contains an exception of the reconciler, counts it, tries again, and goes on with other keys', async () => {
    await using through = await proxiedClient(server.plane)
    const ended: (string | undefined)[] = []
    const observer = {
      added() {},
      started() {},
      retried: () => ended.push('retried'),
      ended: (_: number, result: string) => ended.push(result),
    }
    let tries = 0
    const others = new Set<string>()
    await using _ = await running(
      through,
      async (woken) => {
        if (woken !== key) {
          others.add(woken)
          return done
        }
        if (++tries < 3) throw new Error('not yet')
        return done
      },
      { observer },
    )
    await server.direct.create(WIDGET, widget('one', name))
    await server.direct.create(WIDGET, widget('one', `${name}-other`))
    await until('it has succeeded', () => tries === 3 && others.has(`${key}-other`))
    expect(ended.filter((result) => result === 'error')).toHaveLength(2)
    expect(ended.filter((result) => result === 'retried')).toHaveLength(2)
    expect(through.errors.filter((line) => line.includes(`widget: reconciling ${key}, again in`))).toHaveLength(2)
  })

  it('waits before a retry as long as the server asked', async () => {
    await using through = await proxiedClient(server.plane)
    const tries: number[] = []
    await using _ = await running(through, async (woken) => {
      if (woken !== key) return done
      tries.push(performance.now())
      if (tries.length === 1) throw new ApiError('writing', 503, 'ServiceUnavailable', 'busy', 300)
      return done
    })
    await server.direct.create(WIDGET, widget('one', name))
    await until('it has tried twice', () => tries.length === 2)
    expect((tries[1] as number) - (tries[0] as number)).toBeGreaterThanOrEqual(299)
  })

  it('takes over with warm caches, but not before it has seen the last writes of the leader before it', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: (request) => request.isWatch, fault: { kind: 'hang-after', lines: 0 } })
    await server.direct.create(WIDGET, widget('one', name, 1))
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await cache.synced()
    await server.direct.mergePatch(WIDGET, { namespace: 'one', name }, { spec: { size: 2 } })
    expect(cache.get(key)?.spec?.size).toBe(1)
    const read: (number | undefined)[] = []
    const reconcile: Reconcile = async (woken) => {
      if (woken === key) read.push(cache.get(woken)?.spec?.size)
      return done
    }
    const controller = new Controller<Widget>({ name: 'widget', cache, reconcile, clock: systemClock, onError: () => {} })
    const sinceMs = performance.now()
    await controller.start(new AbortController().signal)
    await until('it has run', () => read.length > 0)
    expect(read[0]).toBe(2)
    expect(performance.now() - sinceMs).toBeLessThan(1_000)
    await controller.stop()
    // And may lead again.
    await controller.start(new AbortController().signal)
    await until('it has run again', () => read.length === 2)
    await controller.stop()
  })
})

describe('a finalizer', () => {
  it('keeps the object until its clean-up has succeeded, whatever fails before', async () => {
    await using through = await proxiedClient(server.plane)
    let cleanUps = 0
    await using started = await running(through, async (woken) => {
      const object = started.cache.get(woken)
      if (woken !== key || !object) return done
      if (!object.metadata.deletionTimestamp) await addFinalizer(through.client, WIDGET, object, FINALIZER)
      else {
        await finalize(through.client, WIDGET, object, FINALIZER, async () => {
          if (++cleanUps <= 3) throw new Error('the clean-up failed')
          return 'cleaned'
        })
      }
      return done
    })
    const other = 'testing.fractal.lba.io/others'
    await server.direct.create(WIDGET, { metadata: { namespace: 'one', name, finalizers: [other] } })
    const finalizers = async () => (await server.direct.get(WIDGET, { namespace: 'one', name }))?.metadata.finalizers
    await until('both finalizers are there', async () => (await finalizers())?.length === 2)
    await server.direct.delete(WIDGET, { namespace: 'one', name })
    await until('the clean-up has failed three times', () => cleanUps >= 3)
    await until('ours is gone and the other stays', async () => JSON.stringify(await finalizers()) === JSON.stringify([other]))
    expect(cleanUps).toBe(4)
    await server.direct.mergePatch(WIDGET, { namespace: 'one', name }, { metadata: { finalizers: null } })
    await until('the object is gone', async () => (await server.direct.get(WIDGET, { namespace: 'one', name })) === undefined)
  })

  it('goes in and out beside those that others add at the same time', async () => {
    const stale = await server.direct.create(WIDGET, widget('one', name))
    await server.direct.mergePatch(WIDGET, stale.metadata, { metadata: { finalizers: ['testing.fractal.lba.io/others'] } })
    const added = await addFinalizer(server.direct, WIDGET, stale, FINALIZER)
    expect(added?.metadata.finalizers).toEqual(['testing.fractal.lba.io/others', FINALIZER])
    await server.direct.mergePatch(WIDGET, stale.metadata, {
      metadata: { finalizers: [FINALIZER, 'testing.fractal.lba.io/others'] },
    })
    const removed = await finalize(server.direct, WIDGET, added as Widget, FINALIZER, async () => 'cleaned')
    expect(removed).toBe('removed')
    expect((await server.direct.get(WIDGET, stale.metadata))?.metadata.finalizers).toEqual(['testing.fractal.lba.io/others'])
    await server.direct.mergePatch(WIDGET, stale.metadata, { metadata: { finalizers: null } })
    expect(await finalize(server.direct, WIDGET, added as Widget, FINALIZER, async () => 'cleaned')).toBe('removed')
  })

  it('is not added to an object that is going, nor to another of the same name', async () => {
    const first = await server.direct.create(WIDGET, widget('one', name))
    await server.direct.delete(WIDGET, first.metadata)
    await server.direct.create(WIDGET, widget('one', name))
    expect(await addFinalizer(server.direct, WIDGET, first, FINALIZER)).toBeUndefined()
    expect((await server.direct.get(WIDGET, first.metadata))?.metadata.finalizers).toBeUndefined()
  })
})

describe('an owner reference', () => {
  it('is added once, beside those of others', async () => {
    const owner = await server.direct.create(WIDGET, widget('one', name))
    const other = await server.direct.create(WIDGET, widget('one', `${name}-other`))
    const child = await server.direct.create(CONFIG_MAP, { metadata: { namespace: 'one', name } })
    const { controller: _, ...plain } = controllerReference(WIDGET, other)
    await addOwnerReference(server.direct, CONFIG_MAP, child, controllerReference(WIDGET, owner))
    await addOwnerReference(server.direct, CONFIG_MAP, child, plain)
    const twice = await addOwnerReference(server.direct, CONFIG_MAP, child, plain)
    expect(twice?.metadata.ownerReferences?.map((reference) => reference.name)).toEqual([name, `${name}-other`])
  })
})
