import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { Controller } from '../controller/controller.ts'
import { RuntimeMetrics } from '../metrics/runtime-metrics.ts'
import { type Proxied, proxiedClient, startWidgetServer } from '../testing/proxied.ts'
import { serviceAccount } from '../testing/service-account.ts'
import { until } from '../testing/until.ts'
import { WIDGET, type Widget, widget } from '../testing/widgets.ts'
import { AccessReview } from './access-review.ts'
import { serveMetrics } from './metrics-endpoint.ts'
import { cacheIsCurrent, queueMoves, serveProbes } from './probes.ts'

let server: Proxied
const onError = () => {}
const local = { host: '127.0.0.1', port: 0, onError }

beforeAll(async () => {
  server = await startWidgetServer(['one'])
})
afterAll(() => server?.close())

async function get(url: string, token?: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  return { status: response.status, body: await response.text() }
}

describe('/readyz and /healthz', () => {
  it('are apart: ready is red before the first list and on a dead watch, and healthy stays green', async () => {
    await using through = await proxiedClient(server.plane)
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    const probes = await serveProbes(local, { live: [], ready: [cacheIsCurrent(cache, 200)] })
    expect(await get(`${probes.url}/readyz`)).toEqual({
      status: 503,
      body: '[-] cache-widgets failed: widgets are not listed yet\nfailed\n',
    })
    cache.start()
    await until('it is ready', async () => (await get(`${probes.url}/readyz`)).status === 200)
    const takeBack = through.proxy.add({ when: () => true, fault: { kind: 'reset' } })
    through.proxy.cut()
    await until('it is red', async () => (await get(`${probes.url}/readyz`)).status === 503)
    expect((await get(`${probes.url}/readyz`)).body).toMatch(
      /^\[-\] cache-widgets failed: widgets are out of date since \d+ s: .+\nfailed\n$/,
    )
    expect((await get(`${probes.url}/healthz`)).status).toBe(200)
    takeBack()
    await until('it is ready again', async () => (await get(`${probes.url}/readyz`)).status === 200)
    await probes.close()
  })

  it('say which key is stuck', async () => {
    await using through = await proxiedClient(server.plane)
    const cache = through.cacheOf<Widget>({ type: WIDGET })
    cache.start()
    await server.direct.create(WIDGET, widget('one', 'stuck'))
    const end = Promise.withResolvers<void>()
    const controller = new Controller<Widget>({
      ...{ name: 'widget', cache, clock: systemClock, onError },
      reconcile: async () => {
        await end.promise
        return { kind: 'done' }
      },
    })
    const probes = await serveProbes(local, { live: [queueMoves(controller, systemClock, 100)], ready: [] })
    expect((await get(`${probes.url}/healthz`)).body).toBe('[+] queue-widget ok\nok\n')
    await controller.start(new AbortController().signal)
    await until('it is red', async () => (await get(`${probes.url}/healthz`)).status === 503)
    expect((await get(`${probes.url}/healthz`)).body).toMatch(
      /^\[-\] queue-widget failed: one\/stuck has been worked on for \d+ s/,
    )
    end.resolve()
    await until('it is green', async () => (await get(`${probes.url}/healthz`)).status === 200)
    await controller.stop()
    await probes.close()
  })
})

describe('/metrics', () => {
  it('wants a token, and the right to get /metrics', async () => {
    await using through = await proxiedClient(server.plane)
    const registry = new Registry()
    new RuntimeMetrics(registry, systemClock).leading('lease', true)
    const metrics = await serveMetrics(local, registry, new AccessReview(through.client, '/metrics', systemClock))
    const url = `${metrics.url}/metrics`
    const right = { ClusterRole: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] }
    const reader = await serviceAccount(server.plane, server.direct, { namespace: 'one', name: 'reader' }, right)
    const stranger = await serviceAccount(server.plane, server.direct, { namespace: 'one', name: 'stranger' })
    await until(
      'the right is known',
      async () => (await new AccessReview(through.client, '/metrics', systemClock).of(`Bearer ${reader}`)) === 'allowed',
    )

    expect((await get(url)).status).toBe(401)
    expect((await get(url, 'made-up')).status).toBe(401)
    expect((await get(url, stranger)).status).toBe(403)
    const answer = await get(url, reader)
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('leader_election_master_status{name="lease"} 1')

    const asked = through.proxy.requests.length
    for (let i = 0; i < 5; i++) expect((await get(url, reader)).status).toBe(200)
    expect((await get(url, stranger)).status).toBe(403)
    expect(through.proxy.requests).toHaveLength(asked)
    await metrics.close()
  })

  it('is closed while the API server does not say who may read it', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: () => true, fault: { kind: 'reset' } })
    const metrics = await serveMetrics(local, new Registry(), new AccessReview(through.client, '/metrics', systemClock))
    expect((await get(`${metrics.url}/metrics`, 'any')).status).toBe(503)
    await metrics.close()
  })

  it('asks a bounded number of questions at once, however many tokens are guessed', async () => {
    await using through = await proxiedClient(server.plane)
    const release = Promise.withResolvers<void>()
    through.proxy.add({ when: () => true, fault: { kind: 'hold', until: release.promise } })
    const metrics = await serveMetrics(local, new Registry(), new AccessReview(through.client, '/metrics', systemClock))
    const guesses = Array.from({ length: 30 }, (_, i) => get(`${metrics.url}/metrics`, `guess-${i}`))
    await until('eight are asked about', () => through.proxy.requests.length === 8)
    release.resolve()
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(1)
    expect(statuses.every((status) => status === 429 || status === 401)).toBe(true)
    await metrics.close()
  })
})
