/** One operator that leads: how long it reconciles, how soon it acts on an event, what it costs at rest. */
import { annotationOf } from '@fractal-lba/operator/api/group'
import { SHARD_MIGRATIONS } from '@fractal-lba/operator/kubernetes/resources'
import { type Figure, quantile } from '../measure.ts'
import { buckets, quantileAtMost, total } from './exposition.ts'
import { startOperator } from './operator-process.ts'
import { processorMs, residentMiB } from './process-figures.ts'
import type { Scene } from './scene.ts'
import { FLEETS, migrationName, namespaceOf } from './shape.ts'
import { watchMigrations } from './watched.ts'

const EVENTS = 100
const IDLE_SECONDS = 60
const REST_LIMIT_MS = 120_000
const RECONCILE_SECONDS = 'controller_runtime_reconcile_time_seconds'
const QUEUE_SECONDS = 'workqueue_queue_duration_seconds'
/** Of the API server for an effect: the event, and the status that answers it. */
const WRITES_OF_AN_EFFECT = 2
const BUDGET = { reconcileMs: 50, eventMs: 20, residentMiB: 150, idlePercent: 1 } as const

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export async function measureLeader(scene: Scene, say: (line: string) => void): Promise<Figure[]> {
  const operator = await startOperator(scene, 'leader')
  const watched = await watchMigrations(scene)
  try {
    await operator.leading()
    say('operator: waits until it has looked at everything ...')
    await untilRests(scene, () => operator.metrics())
    const atStart = await operator.metrics()
    const [started, waitedAtStart] = [buckets(atStart, RECONCILE_SECONDS), buckets(atStart, QUEUE_SECONDS)]
    const none = new Map<number, number>()

    say(`operator: ${EVENTS} events, one after the other ...`)
    const events: number[] = []
    const bare: number[] = []
    for (let n = 0; n < EVENTS; n++) {
      const ref = { namespace: namespaceOf(n % FLEETS), name: migrationName(n) }
      const patch = (name: string) =>
        scene.client.mergePatch(SHARD_MIGRATIONS, ref, { metadata: { annotations: { [name]: `event-${n}` } } })
      const plainMs = performance.now()
      const plainSeen = watched.seen(({ metadata }) => metadata.annotations?.['bench/plain'] === `event-${n}`)
      await patch('bench/plain')
      bare.push((await plainSeen) - plainMs)
      await sleep(20)
      const sinceMs = performance.now()
      const echoed = watched.seen(({ status }) => status?.verbs?.some(({ value }) => value === `event-${n}`) ?? false)
      await patch(annotationOf('pause'))
      events.push((await echoed) - sinceMs)
      await sleep(20)
    }
    const afterEvents = await operator.metrics()
    const busy = buckets(afterEvents, RECONCILE_SECONDS)
    const waitedMs = quantileAtMost(buckets(afterEvents, QUEUE_SECONDS), waitedAtStart, 0.5) * 1000
    const bareMs = quantile(bare, 0.5)

    say(`operator: ${IDLE_SECONDS} s of rest ...`)
    await sleep(5_000)
    const [beforeMs, requestsBefore] = [
      await processorMs(operator.pid),
      total(await operator.metrics(), 'rest_client_requests_total'),
    ]
    await sleep(IDLE_SECONDS * 1000)
    const idlePercent = ((await processorMs(operator.pid)) - beforeMs) / (IDLE_SECONDS * 10)
    const requests = total(await operator.metrics(), 'rest_client_requests_total') - requestsBefore
    const atMost = (after: Map<number, number>, before: Map<number, number>, q: number) =>
      `≤ ${quantileAtMost(after, before, q) * 1000} ms`
    return [
      {
        name: 'reconcile, p99, on events',
        value: quantileAtMost(busy, started, 0.99) * 1000,
        unit: 'ms at most',
        ceiling: { name: 'budget', value: BUDGET.reconcileMs },
        wanted: { atMost: 1 },
        note: `bound of a bucket; p50 ${atMost(busy, started, 0.5)}`,
      },
      {
        name: 'reconcile, p99, all resources at the start',
        value: quantileAtMost(started, none, 0.99) * 1000,
        unit: 'ms at most',
        ceiling: { name: 'budget', value: BUDGET.reconcileMs },
        wanted: { atMost: 1 },
        note: `bound of a bucket, with the first rollout of all policies to all pods; p95 ${atMost(started, none, 0.95)}, p50 ${atMost(started, none, 0.5)}`,
      },
      {
        name: 'event → its reconcile begins, p50',
        value: bareMs + waitedMs,
        unit: 'ms at most',
        ceiling: { name: 'budget', value: BUDGET.eventMs },
        wanted: { atMost: 1 },
        note: `write → watch ${bareMs.toFixed(1)} ms, and in the queue ≤ ${waitedMs} ms (bound of a bucket)`,
      },
      {
        name: 'event → its effect is seen by a watch, p50',
        value: quantile(events, 0.5),
        unit: 'ms',
        ceiling: { name: 'its two writes → watch, without an operator', value: WRITES_OF_AN_EFFECT * bareMs },
        wanted: { atMost: 1.1 },
        note: `p95 ${quantile(events, 0.95).toFixed(1)} ms`,
      },
      {
        name: 'resident memory of the leader',
        value: await residentMiB(operator.pid),
        unit: 'MiB',
        ceiling: { name: 'budget', value: BUDGET.residentMiB },
        wanted: { atMost: 1 },
      },
      {
        name: 'processor time at rest',
        value: idlePercent,
        unit: '% of a core',
        ceiling: { name: 'budget', value: BUDGET.idlePercent },
        wanted: { atMost: 1 },
        note: `over ${IDLE_SECONDS} s; ${requests} requests to the API server, the Lease's included`,
      },
    ]
  } finally {
    await watched.stop()
    await operator.stop()
  }
}

/** Until no controller has reconciled anything but what it looks at from time to time for some seconds. */
async function untilRests(scene: Scene, metrics: () => Promise<string>): Promise<void> {
  const deadlineMs = performance.now() + REST_LIMIT_MS
  let before = -1
  for (let quiet = 0; quiet < 3; ) {
    if (performance.now() > deadlineMs) throw new Error(`the operator does not come to rest within ${REST_LIMIT_MS} ms`)
    await scene.settleWorkloads()
    await sleep(2_000)
    const text = await metrics()
    const now = total(text, 'controller_runtime_reconcile_total')
    quiet = total(text, 'workqueue_depth') === 0 && now - before < FLEETS ? quiet + 1 : 0
    before = now
  }
}
