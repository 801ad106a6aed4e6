/**
 * The metrics that every controller has, under the names that controller-runtime gave them, so that dashboards and alerts made for other
 * operators read this one.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Cache } from '../cache/cache.ts'
import type { OnAnswer } from '../client/transport.ts'
import type { Clock } from '../clock.ts'
import type { QueueObserver } from '../work-queue.ts'
import { isPanic } from './panic.ts'

const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const QUEUE_SECONDS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 60, 600]
const RESULTS = ['success', 'requeue_after', 'error'] as const

/** What is read of a controller when the metrics are. */
interface Measured {
  readonly name: string
  readonly concurrency: number
  readonly depth: number
  readonly running: ReadonlyMap<string, number>
}

export class RuntimeMetrics {
  readonly registry: Registry
  /** For `KubeClient`. */
  readonly onAnswer: OnAnswer
  readonly #clock: Clock
  readonly #controllers: Measured[] = []
  readonly #reconciles: Counter<'controller' | 'result'>
  readonly #errors: Counter<'controller'>
  readonly #terminalErrors: Counter<'controller'>
  readonly #panics: Counter<'controller'>
  readonly #reconcileSeconds: Histogram<'controller'>
  readonly #adds: Counter<'name' | 'controller'>
  readonly #retries: Counter<'name' | 'controller'>
  readonly #queueSeconds: Histogram<'name' | 'controller'>
  readonly #workSeconds: Histogram<'name' | 'controller'>
  readonly #leading: Gauge<'name'>

  constructor(registry: Registry, clock: Clock) {
    this.registry = registry
    this.#clock = clock
    const registers = [registry]
    const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Counter({ name, help, labelNames, registers })
    const histogram = <L extends string>(name: string, help: string, labelNames: L[], buckets: number[]) =>
      new Histogram({ name, help, labelNames, buckets, registers })
    const queue: ('name' | 'controller')[] = ['name', 'controller']

    this.#reconciles = counter('controller_runtime_reconcile_total', 'Reconciliations by result', ['controller', 'result'])
    this.#errors = counter('controller_runtime_reconcile_errors_total', 'Reconciliations that ended with an error', [
      'controller',
    ])
    this.#terminalErrors = counter('controller_runtime_terminal_reconcile_errors_total', 'Errors that are not retried', [
      'controller',
    ])
    this.#panics = counter('controller_runtime_reconcile_panics_total', 'Reconciliations ended by a fault of the program', [
      'controller',
    ])
    this.#reconcileSeconds = histogram(
      'controller_runtime_reconcile_time_seconds',
      'Length of reconciliations',
      ['controller'],
      RECONCILE_SECONDS,
    )
    this.#adds = counter('workqueue_adds_total', 'Keys added, repeats included', queue)
    this.#retries = counter('workqueue_retries_total', 'Retries after an error', queue)
    this.#queueSeconds = histogram(
      'workqueue_queue_duration_seconds',
      'How long keys wait before they are worked on',
      queue,
      QUEUE_SECONDS,
    )
    this.#workSeconds = histogram('workqueue_work_duration_seconds', 'How long keys are worked on', queue, QUEUE_SECONDS)
    this.#leading = new Gauge({ name: 'leader_election_master_status', help: '1 on the leader', labelNames: ['name'], registers })

    this.#gauge(
      'controller_runtime_max_concurrent_reconciles',
      'Limit of reconciliations at once',
      ['controller'],
      ({ concurrency }) => concurrency,
    )
    this.#gauge('controller_runtime_active_workers', 'Reconciliations that run', ['controller'], ({ running }) => running.size)
    this.#gauge('workqueue_depth', 'Keys that wait', queue, ({ depth }) => depth)
    this.#gauge('workqueue_unfinished_work_seconds', 'How long all that run have run, summed up', queue, ({ running }) =>
      this.#ages(running).reduce((sum, age) => sum + age, 0),
    )
    this.#gauge('workqueue_longest_running_processor_seconds', 'How long the longest has run', queue, ({ running }) =>
      Math.max(0, ...this.#ages(running)),
    )

    const answers = counter('rest_client_requests_total', 'Answers of the API server', ['code', 'method', 'host'])
    this.onAnswer = (code, method, host) => answers.inc({ code, method, host })
  }

  /** For a controller's queue. */
  observerOf(controller: string): QueueObserver {
    const labels = { name: controller, controller }
    for (const result of RESULTS) this.#reconciles.inc({ controller, result }, 0)
    for (const one of [this.#errors, this.#terminalErrors, this.#panics]) one.inc({ controller }, 0)
    for (const one of [this.#adds, this.#retries]) one.inc(labels, 0)
    return {
      added: () => this.#adds.inc(labels),
      started: (waitedMs) => this.#queueSeconds.observe(labels, waitedMs / 1000),
      retried: () => this.#retries.inc(labels),
      ended: (ranMs, result, error) => {
        this.#workSeconds.observe(labels, ranMs / 1000)
        this.#reconcileSeconds.observe({ controller }, ranMs / 1000)
        this.#reconciles.inc({ controller, result: result === 'terminal_error' ? 'error' : result })
        if (result === 'error' || result === 'terminal_error') this.#errors.inc({ controller })
        if (result === 'terminal_error') this.#terminalErrors.inc({ controller })
        if (isPanic(error)) this.#panics.inc({ controller })
      },
    }
  }

  /** Reads the controller's state whenever the metrics are read. */
  measure(controller: Measured): void {
    this.#controllers.push(controller)
  }

  leading(lease: string, leads: boolean): void {
    this.#leading.set({ name: lease }, leads ? 1 : 0)
  }

  /** What the runtime itself had to swallow. */
  measureLosses(caches: readonly Pick<Cache<never>, 'handlerErrors'>[], recorder: { readonly dropped: number }): void {
    const total = (name: string, help: string, read: () => number) =>
      new Counter({
        name,
        help,
        registers: [this.registry],
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    total('cache_handler_errors_total', 'Exceptions of handlers of changes', () =>
      caches.reduce((sum, cache) => sum + cache.handlerErrors, 0),
    )
    total('events_dropped_total', 'Events for people that could not be written', () => recorder.dropped)
  }

  #ages(running: ReadonlyMap<string, number>): number[] {
    const nowMs = this.#clock.now()
    return [...running.values()].map((sinceMs) => (nowMs - sinceMs) / 1000)
  }

  #gauge(name: string, help: string, labelNames: ('name' | 'controller')[], read: (controller: Measured) => number): void {
    const controllers = this.#controllers
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        for (const one of controllers) {
          const labels = { name: one.name, controller: one.name }
          this.set(labelNames.includes('name') ? labels : { controller: one.name }, read(one))
        }
      },
    })
  }
}
