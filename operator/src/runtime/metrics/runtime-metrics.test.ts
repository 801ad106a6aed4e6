import assert from 'node:assert'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../manual-clock.ts'
import { TerminalError } from '../reconcile.ts'
import { WorkQueue } from '../work-queue.ts'
import { isPanic } from './panic.ts'
import { RuntimeMetrics } from './runtime-metrics.ts'

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('the metrics of the runtime', () => {
  it('have the names and labels of controller-runtime, and tell what happened', async () => {
    const clock = manualClock()
    const metrics = new RuntimeMetrics(new Registry(), clock)
    const blocked = Promise.withResolvers<void>()
    const queue = new WorkQueue({
      clock,
      concurrency: 2,
      onError() {},
      observer: metrics.observerOf('widget'),
      async reconcile(key) {
        if (key === 'terminal') throw new TerminalError('for ever')
        if (key === 'panic') throw new TypeError('x is not a function')
        if (key === 'later') return { kind: 'requeue', afterMs: 60_000 }
        if (key === 'blocked') await blocked.promise
        return { kind: 'done' }
      },
    })
    metrics.measure({
      name: 'widget',
      concurrency: 2,
      get depth() {
        return queue.depth
      },
      get running() {
        return queue.running
      },
    })
    metrics.leading('operator', true)
    metrics.measureLosses([{ handlerErrors: 2 }, { handlerErrors: 3 }], { dropped: 7 })
    metrics.onAnswer('409', 'PATCH', 'api:443')
    for (const key of ['fine', 'terminal', 'panic', 'later']) queue.add(key)
    await settle()
    queue.add('blocked')
    queue.add('blocked')
    await settle()
    clock.advance(3)
    await settle()

    const text = await metrics.registry.metrics()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{'))
    expect(lines.sort()).toEqual(
      `
cache_handler_errors_total 5
controller_runtime_active_workers{controller="widget"} 1
controller_runtime_max_concurrent_reconciles{controller="widget"} 2
controller_runtime_reconcile_errors_total{controller="widget"} 2
controller_runtime_reconcile_panics_total{controller="widget"} 1
controller_runtime_reconcile_time_seconds_count{controller="widget"} 4
controller_runtime_reconcile_time_seconds_sum{controller="widget"} 0
controller_runtime_reconcile_total{controller="widget",result="error"} 2
controller_runtime_reconcile_total{controller="widget",result="requeue_after"} 1
controller_runtime_reconcile_total{controller="widget",result="success"} 1
controller_runtime_terminal_reconcile_errors_total{controller="widget"} 1
events_dropped_total 7
leader_election_master_status{name="operator"} 1
rest_client_requests_total{code="409",method="PATCH",host="api:443"} 1
workqueue_adds_total{name="widget",controller="widget"} 6
workqueue_depth{name="widget",controller="widget"} 0
workqueue_longest_running_processor_seconds{name="widget",controller="widget"} 0.003
workqueue_queue_duration_seconds_count{name="widget",controller="widget"} 5
workqueue_queue_duration_seconds_sum{name="widget",controller="widget"} 0
workqueue_retries_total{name="widget",controller="widget"} 1
workqueue_unfinished_work_seconds{name="widget",controller="widget"} 0.003
workqueue_work_duration_seconds_count{name="widget",controller="widget"} 4
workqueue_work_duration_seconds_sum{name="widget",controller="widget"} 0
`
        .trim()
        .split('\n'),
    )
    blocked.resolve()
    await queue.stop()
  })

  it.each([
    [new TypeError('x is undefined'), true],
    [new assert.AssertionError({ message: 'no' }), true],
    ['a thrown text', true],
    [new TypeError('fetch failed', { cause: new Error('ECONNRESET') }), false],
    [new Error('the server says no'), false],
    [undefined, false],
  ])('take %s for a fault of the program: %s', (error, expected) => {
    expect(isPanic(error)).toBe(expected)
  })
})
