/** The operator in a cluster: caches that are warm on every replica, and controllers that run on the one that leads. */
import { randomUUID } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import type { CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import { Registry } from 'prom-client'
import { FIELD_MANAGER, GROUP } from '../api/group.ts'
import type { Log } from '../log.ts'
import { Cache } from '../runtime/cache/cache.ts'
import { loadConnection } from '../runtime/client/connection.ts'
import { KubeClient } from '../runtime/client/kube-client.ts'
import type { KubeObject, ResourceType } from '../runtime/client/objects.ts'
import type { Clock } from '../runtime/clock.ts'
import { EventRecorder } from '../runtime/events/event-recorder.ts'
import { LeaderElector } from '../runtime/leader/leader-elector.ts'
import { kubeLeaseStore } from '../runtime/leader/lease-store.ts'
import { cleanAtRest } from '../runtime/memory.ts'
import { RuntimeMetrics } from '../runtime/metrics/runtime-metrics.ts'
import { AccessReview } from '../runtime/serving/access-review.ts'
import { serveMetrics } from '../runtime/serving/metrics-endpoint.ts'
import { cacheIsCurrent, queueMoves, serveProbes } from '../runtime/serving/probes.ts'
import { Controllers } from './controllers.ts'
import { FLEET_LABELS } from './fleet.ts'
import { migrationMetrics } from './migration-metrics.ts'
import { CRR_POLICIES, PODS, SHARD_MIGRATIONS, STATEFUL_SETS, TIERING_POLICIES, trimPod } from './resources.ts'

export interface KubernetesOptions {
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined
  readonly leaseName: string
  /** Default: where the operator runs. */
  readonly leaseNamespace: string | undefined
  readonly podName: string
  /** How long a lease at the shards outlives an operator that was killed. */
  readonly shardLeaseTtlMs: number
  readonly healthPort: number
  /** Undefined: no metrics are served. */
  readonly metricsPort: number | undefined
  /** PEM files; undefined: metrics, and the tokens that they are asked for with, go unencrypted. */
  readonly metricsTls: { readonly certFile: string; readonly keyFile: string } | undefined
  readonly signer: CertificateSigner | undefined
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly monotonicNow: () => number
  readonly random: () => number
  readonly log: Log
}

export interface KubernetesServing {
  /** Ends the work at a safe point, hands over, closes. */
  stop(): Promise<void>
}

/** Pods are probed and scraped from outside. */
const ANY_ADDRESS = '0.0.0.0'

export async function serveKubernetes(options: KubernetesOptions): Promise<KubernetesServing> {
  const { clock, random, log, namespaces, leaseName } = options
  const onError = (doing: string, error: unknown) => log.error(doing, error)
  const metrics = new RuntimeMetrics(new Registry(), clock)
  const client = new KubeClient({
    connection: await loadConnection({ env: options.env }),
    userAgent: FIELD_MANAGER,
    fieldManager: FIELD_MANAGER,
    onAnswer: metrics.onAnswer,
  })
  const cacheOf = <T extends KubeObject>(
    type: ResourceType<T>,
    more: { readonly labels?: Readonly<Record<string, string>>; readonly trim?: (object: T) => T } = {},
  ) => new Cache<T>({ client, type, namespaces, clock, random, onError, ...more })
  const migrations = cacheOf(SHARD_MIGRATIONS)
  const crrPolicies = cacheOf(CRR_POLICIES)
  const tieringPolicies = cacheOf(TIERING_POLICIES)
  const statefulSets = cacheOf(STATEFUL_SETS, { labels: FLEET_LABELS })
  const pods = cacheOf(PODS, { labels: FLEET_LABELS, trim: trimPod })
  const caches = [migrations, crrPolicies, tieringPolicies, statefulSets, pods]
  const events = new EventRecorder({
    ...{ client, clock, random, onError },
    controller: `${GROUP}/operator`,
    instance: options.podName,
  })
  const controllers = new Controllers({
    ...{ client, migrations, crrPolicies, tieringPolicies, statefulSets, pods, events, metrics, clock, log },
    ...{ holder: options.podName, shardLeaseTtlMs: options.shardLeaseTtlMs, signer: options.signer },
  })
  migrationMetrics(metrics.registry, migrations)

  const leaseNamespace = options.leaseNamespace ?? client.namespace
  const elector = new LeaderElector({
    ...{ clock, random, onError, namespace: leaseNamespace, name: leaseName, monotonicNow: options.monotonicNow },
    store: kubeLeaseStore(client, leaseNamespace, leaseName),
    // A restarted pod keeps its name; it must not take itself for its predecessor.
    identity: `${options.podName}_${randomUUID()}`,
    lead: (leadership) => controllers.run(leadership),
    onChange: (news, epoch) => {
      metrics.leading(leaseName, news === 'leading')
      log.info(news === 'leading' ? 'leading' : 'no longer leading', { epoch })
    },
  })
  for (const cache of caches) cache.start()
  const probes = await serveProbes(
    { host: ANY_ADDRESS, port: options.healthPort, onError },
    {
      live: controllers.all.map((controller) => queueMoves(controller, clock)),
      ready: caches.map((cache) => cacheIsCurrent(cache as unknown as Cache<KubeObject>)),
    },
  )
  const metricsServer =
    options.metricsPort === undefined
      ? undefined
      : await serveMetrics(
          { host: ANY_ADDRESS, port: options.metricsPort, onError, ...(options.metricsTls && { tls: options.metricsTls }) },
          metrics.registry,
          new AccessReview(client, '/metrics', clock),
        )
  // Node has it where it was started with --expose-gc, as the image does.
  const collect = globalThis.gc
  const stopCleaning =
    collect &&
    cleanAtRest({
      clock,
      atRest: () => controllers.all.every(({ running }) => running.size === 0),
      heapBytes: () => getHeapStatistics().total_physical_size,
      clean: () => void collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
    })
  elector.start()
  return {
    async stop() {
      stopCleaning?.()
      await elector.stop()
      await events.stop()
      await Promise.all(caches.map((cache) => cache.stop()))
      await probes.close()
      await metricsServer?.close()
      client.close()
    },
  }
}
