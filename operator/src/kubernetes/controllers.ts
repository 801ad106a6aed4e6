/**
 * The controllers of a cluster's operator: queues and their sources once a process; what reconciles, and holds connections and leases,
 * anew for each leadership, with a client that refuses to write once the leadership is over.
 */
import type { CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import type { CrrPolicySpec } from '../api/crrpolicy.ts'
import type { TieringPolicySpec } from '../api/tieringpolicy.ts'
import { type Validated, validateCrrPolicy, validateTieringPolicy } from '../api/validate.ts'
import { FleetConfigController } from '../controllers/fleetconfig/controller.ts'
import { FleetRolloutController } from '../controllers/fleetrollout/controller.ts'
import { PolicyController } from '../controllers/policies/controller.ts'
import { CRR_POLICY, type PolicyKind, TIERING_POLICY } from '../controllers/policies/kinds.ts'
import type { RolledOutSpec } from '../controllers/policies/objects.ts'
import type { Claimant } from '../controllers/policies/right-of-way.ts'
import { ShardMigrationController } from '../controllers/shardmigration/controller.ts'
import type { Log } from '../log.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { type KubeObject, keyOf } from '../runtime/client/objects.ts'
import type { Clock } from '../runtime/clock.ts'
import { Controller } from '../runtime/controller/controller.ts'
import { runAll } from '../runtime/controller/run-all.ts'
import type { EventRecorder } from '../runtime/events/event-recorder.ts'
import type { Leadership } from '../runtime/leader/leader-elector.ts'
import type { RuntimeMetrics } from '../runtime/metrics/runtime-metrics.ts'
import type { Reconcile } from '../runtime/reconcile.ts'
import { isNews } from './annotations.ts'
import { ByNamespace } from './by-namespace.ts'
import { INSTANCE_LABEL, KubernetesFleet } from './fleet.ts'
import { KubernetesMigrationObjects } from './migration-objects.ts'
import { isAnotherProcess } from './pod-processes.ts'
import { KubernetesPolicyFleets } from './policy-fleets.ts'
import { policyObjects } from './policy-objects.ts'
import type { MigrationResource, Pod, PolicyResource, StatefulSet } from './resources.ts'
import { isManaged, KubernetesWorkloads } from './workloads.ts'

export interface ControllersParts {
  readonly client: KubeClient
  readonly migrations: Cache<MigrationResource>
  readonly crrPolicies: Cache<PolicyResource>
  readonly tieringPolicies: Cache<PolicyResource>
  readonly statefulSets: Cache<StatefulSet>
  readonly pods: Cache<Pod>
  readonly events: EventRecorder
  readonly metrics: RuntimeMetrics
  /** Names this operator at the shards. */
  readonly holder: string
  readonly shardLeaseTtlMs: number
  readonly signer: CertificateSigner | undefined
  readonly clock: Clock
  readonly log: Log
}

/** By the name of the controller. */
type Reconcilers = Readonly<
  Record<
    'shardmigration' | 'crrpolicy' | 'tieringpolicy' | 'fleetrollout' | 'fleetconfig',
    { readonly reconcile: Reconcile; close(): Promise<void> }
  >
>

export class Controllers {
  readonly all: readonly Controller<KubeObject>[]
  readonly #parts: ControllersParts
  #reconcilers: Reconcilers | undefined

  constructor(parts: ControllersParts) {
    this.#parts = parts
    const { migrations, crrPolicies, tieringPolicies, statefulSets, pods, clock, log, metrics } = parts
    const common = (name: keyof Reconcilers) => ({
      ...{ name, clock, observer: metrics.observerOf(name) },
      onError: (doing: string, error: unknown) => log.error(doing, error),
      reconcile: (key: string, signal: AbortSignal) => this.#present[name].reconcile(key, signal),
    })
    const migration = new Controller<MigrationResource>({ ...common('shardmigration'), cache: migrations, when: isNews })
    const policyController = (name: 'crrpolicy' | 'tieringpolicy', cache: Cache<PolicyResource>) =>
      new Controller<PolicyResource>({ ...common(name), cache, when: isNews }).watches(
        pods,
        ({ metadata }) => cache.list({ namespace: metadata.namespace ?? '' }).map((policy) => keyOf(policy.metadata)),
        isAnotherProcess,
      )
    const crr = policyController('crrpolicy', crrPolicies)
    const tiering = policyController('tieringpolicy', tieringPolicies)
    const rollout = new Controller<StatefulSet>({
      ...common('fleetrollout'),
      cache: statefulSets,
      when: ({ old, new: now }) => [old, now].some((one) => one !== undefined && isManaged(one)),
    }).owns(pods)
    const config = new Controller<StatefulSet>({ ...common('fleetconfig'), cache: statefulSets }).owns(pods)
    this.all = [migration, crr, tiering, rollout, config] as unknown as Controller<KubeObject>[]
    for (const controller of this.all) metrics.measure(controller)
  }

  /** Works until the leadership ends; resolves when every lease is given back. */
  async run({ signal, assertLeading, epoch }: Leadership): Promise<void> {
    const reconcilers = this.#make(this.#parts.client.guarded(assertLeading), epoch)
    this.#reconcilers = reconcilers
    try {
      await runAll(this.all, signal)
    } finally {
      await Promise.all(Object.values(reconcilers).map((one) => one.close()))
    }
  }

  get #present(): Reconcilers {
    if (!this.#reconcilers) throw new Error('nothing is reconciled before this process leads')
    return this.#reconcilers
  }

  #make(client: KubeClient, epoch: number): Reconcilers {
    const { migrations, crrPolicies, tieringPolicies, statefulSets, pods, events, clock, log, holder, shardLeaseTtlMs, signer } =
      this.#parts
    const now = clock.now
    const say = (namespace: string) => (message: string) => log.info(`${namespace}/${message}`)
    const fleetOf = (namespace: string, instance: string | undefined) =>
      new KubernetesFleet({ client, pods, statefulSets, now }, namespace, instance)
    const fleetOfWorkload = (namespace: string, name: string) =>
      fleetOf(namespace, statefulSets.get({ namespace, name })?.metadata.labels?.[INSTANCE_LABEL])
    const policies = <Spec extends RolledOutSpec>(
      kind: PolicyKind<Spec>,
      cache: Cache<PolicyResource>,
      validate: (spec: unknown) => Validated<Spec>,
      otherKinds: (namespace: string) => Promise<readonly Claimant[]>,
    ) =>
      new ByNamespace(
        (namespace) =>
          new PolicyController<Spec>({
            kind,
            objects: policyObjects({ client, cache, events, namespace, now }, validate),
            fleets: new KubernetesPolicyFleets({ fleetOf: (instance) => fleetOf(namespace, instance), epoch }),
            otherKinds: () => otherKinds(namespace),
            now,
            log: say(namespace),
          }),
      )
    const crrpolicy: ByNamespace<PolicyController<CrrPolicySpec>> = policies(
      CRR_POLICY,
      crrPolicies,
      validateCrrPolicy,
      (namespace) => tieringpolicy.of(namespace).claimants(),
    )
    const tieringpolicy: ByNamespace<PolicyController<TieringPolicySpec>> = policies(
      TIERING_POLICY,
      tieringPolicies,
      validateTieringPolicy,
      (namespace) => crrpolicy.of(namespace).claimants(),
    )
    return {
      crrpolicy,
      tieringpolicy,
      shardmigration: new ByNamespace(
        (namespace) =>
          new ShardMigrationController({
            objects: new KubernetesMigrationObjects({ client, cache: migrations, events, namespace, now }),
            around: ({ spec }) => {
              const fleet = fleetOf(namespace, spec?.fleet)
              return { fleet, openControl: (address) => fleet.openControl(address) }
            },
            now,
            session: { holder, leaseTtlMs: shardLeaseTtlMs, signer },
            log: say(namespace),
          }),
      ),
      fleetrollout: new ByNamespace(
        (namespace) =>
          new FleetRolloutController({
            workloads: new KubernetesWorkloads({ client, statefulSets, pods, events, namespace }),
            fleetOf: ({ name }) => fleetOfWorkload(namespace, name),
            now,
            log: say(namespace),
          }),
      ),
      fleetconfig: new ByNamespace(
        (namespace) =>
          new FleetConfigController({
            fleetOf: (name) => (statefulSets.get({ namespace, name }) ? fleetOfWorkload(namespace, name) : undefined),
            log: say(namespace),
          }),
      ),
    }
  }
}
