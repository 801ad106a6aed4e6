/** The operator in a cluster: caches that are warm on every replica, and controllers that run on the one that leads. */
import { randomUUID } from 'node:crypto'
import type { CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import { FIELD_MANAGER, GROUP } from '../api/group.ts'
import type { Log } from '../log.ts'
import { Cache } from '../runtime/cache/cache.ts'
import { loadConnection } from '../runtime/client/connection.ts'
import { KubeClient } from '../runtime/client/kube-client.ts'
import type { KubeObject, ResourceType } from '../runtime/client/objects.ts'
import type { Clock } from '../runtime/clock.ts'
import { Controller } from '../runtime/controller/controller.ts'
import { EventRecorder } from '../runtime/events/event-recorder.ts'
import { LeaderElector, type Leadership } from '../runtime/leader/leader-elector.ts'
import { kubeLeaseStore } from '../runtime/leader/lease-store.ts'
import { FLEET_LABELS } from './fleet.ts'
import { isNews, MigrationControllers } from './migration-controllers.ts'
import { PODS, SHARD_MIGRATIONS, STATEFUL_SETS, trimPod } from './resources.ts'

export interface KubernetesOptions {
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined
  readonly leaseName: string
  /** Default: where the operator runs. */
  readonly leaseNamespace: string | undefined
  readonly podName: string
  /** How long a lease at the shards outlives an operator that was killed. */
  readonly shardLeaseTtlMs: number
  readonly signer: CertificateSigner | undefined
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly monotonicNow: () => number
  readonly random: () => number
  readonly log: Log
}

export interface KubernetesServing {
  /** Why it cannot do its work; undefined when it can. */
  notReady(): string | undefined
  readonly isLeader: boolean
  /** Ends the work at a safe point, hands over, closes. */
  stop(): Promise<void>
}

export async function serveKubernetes(options: KubernetesOptions): Promise<KubernetesServing> {
  const { clock, random, log, namespaces } = options
  const client = new KubeClient({
    connection: await loadConnection({ env: options.env }),
    userAgent: FIELD_MANAGER,
    fieldManager: FIELD_MANAGER,
  })
  const onError = (doing: string, error: unknown) => log.error(doing, error)
  const cacheOf = <T extends KubeObject>(
    type: ResourceType<T>,
    more: { readonly labels?: Readonly<Record<string, string>>; readonly trim?: (object: T) => T } = {},
  ) => new Cache<T>({ client, type, namespaces, clock, random, onError, ...more })
  const migrations = cacheOf(SHARD_MIGRATIONS)
  const statefulSets = cacheOf(STATEFUL_SETS, { labels: FLEET_LABELS })
  const pods = cacheOf(PODS, { labels: FLEET_LABELS, trim: trimPod })
  const caches = [migrations, statefulSets, pods]
  const events = new EventRecorder({
    client,
    controller: `${GROUP}/operator`,
    instance: options.podName,
    clock,
    random,
    onError,
  })

  const lead = async ({ signal, assertLeading }: Leadership): Promise<void> => {
    const guarded = client.guarded(assertLeading)
    const fleetParts = { client: guarded, pods, statefulSets, now: clock.now }
    const controllers = new MigrationControllers({
      ...fleetParts,
      migrations,
      events,
      holder: options.podName,
      leaseTtlMs: options.shardLeaseTtlMs,
      signer: options.signer,
      log: (message) => log.info(message),
    })
    const controller = new Controller({
      name: 'shardmigration',
      cache: migrations,
      reconcile: (key, stop) => controllers.reconcile(key, stop),
      when: isNews,
      clock,
      onError,
    })
    try {
      await controller.run(signal)
    } finally {
      await controllers.close()
    }
  }

  const leaseNamespace = options.leaseNamespace ?? client.namespace
  const elector = new LeaderElector({
    store: kubeLeaseStore(client, leaseNamespace, options.leaseName),
    namespace: leaseNamespace,
    name: options.leaseName,
    // A restarted pod keeps its name; it must not take itself for its predecessor.
    identity: `${options.podName}_${randomUUID()}`,
    lead,
    clock,
    monotonicNow: options.monotonicNow,
    random,
    onError,
    onChange: (news, epoch) => log.info(news === 'leading' ? 'leading' : 'no longer leading', { epoch }),
  })
  for (const cache of caches) cache.start()
  elector.start()
  return {
    notReady: () => caches.map((cache) => cache.stale()).find((why) => why !== undefined),
    get isLeader() {
      return elector.isLeader
    },
    async stop() {
      await elector.stop()
      await events.stop()
      await Promise.all(caches.map((cache) => cache.stop()))
      client.close()
    },
  }
}
