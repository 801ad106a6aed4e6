import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isNotFound } from '../client/api-error.ts'
import { systemClock } from '../clock.ts'
import { controllerReference } from '../owner-references.ts'
import { EXPIRED_LINE, type Fault, type SeenRequest } from '../testing/fault-proxy.ts'
import { type Proxied, proxiedClient, startWidgetServer } from '../testing/proxied.ts'
import { randomOf } from '../testing/random.ts'
import { until } from '../testing/until.ts'
import { CONFIG_MAP, WIDGET, type Widget, widget } from '../testing/widgets.ts'
import { Controller } from './controller.ts'

/** How long the chaos lasts; give more for a soak. */
const SECONDS = Number(process.env.CHAOS_SECONDS ?? 20)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const NAMES = Array.from({ length: 20 }, (_, i) => `w${i}`)

let server: Proxied
beforeAll(async () => {
  server = await startWidgetServer(['one'])
})
afterAll(() => server?.close())

describe('a controller in chaos', () => {
  it(
    `lives through every fault at random, in one process, and ends with the work done (seed ${SEED})`,
    async () => {
      const unhandled: unknown[] = []
      const note = (error: unknown) => unhandled.push(error)
      process.on('unhandledRejection', note)
      await using through = await proxiedClient(server.plane)
      const random = randomOf(SEED)
      const one = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
      const times = {
        baseBackoffMs: 10,
        maxBackoffMs: 300,
        requestMs: 500,
        inactivityMs: 1_000,
        watchMinSeconds: 1,
        watchMaxSeconds: 3,
      }
      const widgets = through.cacheOf<Widget>({ type: WIDGET, times })
      const maps = through.cacheOf({ type: CONFIG_MAP, namespaces: ['one'], times })

      // Each widget has a map with its size, and says in its status which size it has seen.
      let running = 0
      let runs = 0
      const controller = new Controller<Widget>({
        ...{ name: 'widget', cache: widgets, clock: systemClock, onError: () => {} },
        async reconcile(key, signal) {
          const object = widgets.get(key)
          if (object?.metadata.namespace !== 'one') return { kind: 'done' }
          runs++
          running++
          try {
            const size = String(object.spec?.size)
            const limits = { signal, timeoutMs: 500 }
            const metadata = {
              ...{ namespace: 'one', name: object.metadata.name },
              ownerReferences: [controllerReference(WIDGET, object)],
            }
            const map = maps.get(key)
            if (map?.data?.size !== size || map.metadata.ownerReferences?.[0]?.uid !== object.metadata.uid) {
              await through.client.apply(CONFIG_MAP, { metadata, data: { size } }, limits)
            }
            if (String(object.status?.seen) !== size) {
              await through.client.mergePatch(
                WIDGET,
                metadata,
                { status: { seen: Number(size) } },
                { ...limits, subresource: 'status' },
              )
            }
          } catch (error) {
            if (!isNotFound(error)) throw error
          } finally {
            running--
          }
          return { kind: 'done' }
        },
      }).owns(maps)
      widgets.start()
      maps.start()
      await controller.start(new AbortController().signal)

      const kinds: Fault[] = [
        { kind: 'status', status: 410, reason: 'Expired' },
        { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 },
        { kind: 'status', status: 429, reason: 'TooManyRequests' },
        { kind: 'status', status: 500, reason: 'InternalError' },
        { kind: 'status', status: 503, reason: 'ServiceUnavailable' },
        { kind: 'reset' },
        { kind: 'hang' },
        { kind: 'lose-answer' },
        { kind: 'reset-after', lines: 2 },
        { kind: 'hang-after', lines: 2 },
        { kind: 'inject', lines: 1, text: EXPIRED_LINE },
        { kind: 'inject', lines: 1, text: 'garbage\n' },
      ]
      const matches: ((request: SeenRequest) => boolean)[] = [
        (request) => request.isWatch,
        (request) => request.method === 'GET' && !request.isWatch,
        (request) => request.method === 'PATCH',
        () => true,
      ]
      let changes = 0
      const endMs = performance.now() + SECONDS * 1_000
      while (performance.now() < endMs) {
        const takeBack = through.proxy.add({ when: one(matches), fault: one(kinds), times: 1 + Math.floor(random() * 5) })
        if (random() < 0.2) through.proxy.cut()
        for (let i = 0; i < 5; i++) {
          changes++
          await change(one(NAMES), random)
        }
        if (random() < 0.5) takeBack()
      }
      through.proxy.heal()

      await until('the world is as it should be', inOrder, 60_000)
      await until('nothing runs', () => running === 0 && controller.depth === 0, 60_000)
      const settledRuns = runs
      await widgets.refresh()
      expect(runs - settledRuns, 'it rests').toBeLessThanOrEqual(NAMES.length)
      await controller.stop()
      process.off('unhandledRejection', note)
      expect(unhandled).toEqual([])
      expect(changes).toBeGreaterThan(SECONDS)
      expect(through.errors.length).toBeGreaterThan(0)
    },
    (SECONDS + 150) * 1_000,
  )
})

async function change(name: string, random: () => number): Promise<void> {
  const ref = { namespace: 'one', name }
  const present = await server.direct.get(WIDGET, ref)
  const dice = random()
  if (!present) await server.direct.create(WIDGET, widget('one', name))
  else if (dice < 0.2) await server.direct.delete(WIDGET, ref)
  else if (dice < 0.4) await server.direct.delete(CONFIG_MAP, ref)
  else await server.direct.mergePatch(WIDGET, ref, { spec: { size: Math.floor(random() * 1_000) } })
}

async function inOrder(): Promise<boolean> {
  const [{ items: widgets }, { items: maps }] = [
    await server.direct.list(WIDGET),
    await server.direct.list(CONFIG_MAP, { namespace: 'one' }),
  ]
  return widgets.every((object) => {
    const map = maps.find((candidate) => candidate.metadata.name === object.metadata.name)
    const owner = map?.metadata.ownerReferences?.[0]?.uid
    return (
      object.status?.seen === object.spec?.size && map?.data?.size === String(object.spec?.size) && owner === object.metadata.uid
    )
  })
}
