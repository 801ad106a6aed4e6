import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { Controller } from './controller/controller.ts'
import { runAll } from './controller/run-all.ts'
import { EVENT } from './events/event-object.ts'
import { EventRecorder } from './events/event-recorder.ts'
import { LeaderElector } from './leader/leader-elector.ts'
import { LEASE } from './leader/lease-record.ts'
import { kubeLeaseStore } from './leader/lease-store.ts'
import { type Proxied, proxiedClient, startWidgetServer } from './testing/proxied.ts'
import { serviceAccount } from './testing/service-account.ts'
import { until } from './testing/until.ts'
import { WIDGET, type Widget, widget } from './testing/widgets.ts'

let server: Proxied
beforeAll(async () => {
  server = await startWidgetServer(['one', 'two'])
})
afterAll(() => server?.close())

/** What README.md says it needs, in one namespace, without a ClusterRole. */
const ROLE = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['lease'], verbs: ['get', 'update', 'watch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [WIDGET.group], resources: ['widgets'], verbs: ['list', 'watch'] },
]

describe('the runtime', () => {
  it('leads, hands over, watches, reports and reconciles with a Role of one namespace, and is refused nothing', async () => {
    const token = await serviceAccount(server.plane, server.direct, { namespace: 'one', name: 'operator' }, { Role: ROLE })
    await using through = await proxiedClient(server.plane, token)
    const { client, codes } = through
    await until(
      'its rights are known',
      async () => (await client.listPage(WIDGET, { namespace: 'one' }).catch(() => undefined)) !== undefined,
    )
    codes.length = 0
    const onError = (doing: string, error: unknown) => through.errors.push(`${doing}: ${error}`)
    const events = new EventRecorder({
      client,
      controller: 'test',
      instance: 'test',
      clock: systemClock,
      random: Math.random,
      onError,
    })
    const cache = through.cacheOf<Widget>({ type: WIDGET, namespaces: ['one'] })
    cache.start()
    const seen: string[] = []
    const electorOf = (identity: string) =>
      new LeaderElector({
        store: kubeLeaseStore(client, 'one', 'lease'),
        ...{
          namespace: 'one',
          name: 'lease',
          identity,
          clock: systemClock,
          monotonicNow: () => performance.now(),
          random: Math.random,
          onError,
        },
        lead: ({ signal }) =>
          runAll(
            [
              new Controller<Widget>({
                ...{ name: 'widget', cache, clock: systemClock, onError },
                async reconcile(key) {
                  seen.push(`${identity} ${key}`)
                  const regarding = { apiVersion: `${WIDGET.group}/v1`, kind: 'Widget', namespace: 'one', name: 'w', uid: 'uid' }
                  events.record({ regarding, type: 'Normal', reason: 'Seen', action: 'Look', note: 'it was seen' })
                  return { kind: 'done' }
                },
              }),
            ],
            signal,
          ),
      })
    await server.direct.create(WIDGET, widget('one', 'w'))
    await server.direct.create(WIDGET, widget('two', 'elsewhere'))
    const [first, second] = [electorOf('first'), electorOf('second')]
    first.start()
    await until('the first reconciles', () => seen.includes('first one/w'))
    second.start()
    await until(
      'the second waits',
      () =>
        second.holder === 'first' && through.proxy.requests.some((request) => request.isWatch && request.path.endsWith('leases')),
    )
    await until('the event is written', async () => (await server.direct.list(EVENT, { namespace: 'one' })).items.length === 1)
    await first.stop()
    await until('the second reconciles', () => seen.includes('second one/w'))
    await second.stop()
    await events.stop()
    expect((await server.direct.get(LEASE, { namespace: 'one', name: 'lease' }))?.spec?.holderIdentity).toBe('')
    expect((await server.direct.list(EVENT, { namespace: 'one' })).items[0]?.series?.count).toBe(2)
    expect(seen.filter((line) => line.includes('elsewhere'))).toEqual([])
    expect(through.errors).toEqual([])
    expect(codes.filter((code) => code === '401' || code === '403')).toEqual([])
  })
})
