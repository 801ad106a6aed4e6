/**
 * A namespace with a fleet, its pods' admin ports and policies of both kinds, on a clock that the test moves: what the two controllers see
 * of a cluster, in milliseconds. Pods refuse, keep and report policies as the real ones do (`backend/src/pod.policies.test.ts`).
 */
import { NO_POLICIES, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { type CrrPolicyInput, type CrrPolicySpec, crrPolicyWithDefaults } from '../../../api/crrpolicy.ts'
import { type TieringPolicyInput, type TieringPolicySpec, tieringPolicyWithDefaults } from '../../../api/tieringpolicy.ts'
import type { PodReading, PushResult } from '../../../fleet/port.ts'
import { SimulatedTraffic, type Traffic, WELL } from '../../../rollout/testing/simulated-traffic.ts'
import { PolicyController } from '../controller.ts'
import type { FoundFleet, PolicyFleet, PolicyFleets } from '../fleets.ts'
import { CRR_POLICY, type PolicyKind, TIERING_POLICY } from '../kinds.ts'
import type { PolicyObjects, RolledOutSpec } from '../objects.ts'
import { SimulatedObjects } from './simulated-objects.ts'

const TICK_MS = 500

interface SimulatedPod {
  readonly name: string
  push: PoliciesPush
  traffic: SimulatedTraffic
  capabilities: readonly string[] | undefined
  down: boolean
}

class ApiDown extends Error {}

export class PolicyWorld implements PolicyFleet, PolicyFleets {
  readonly key = 'release'
  nowMs = 1_000_000
  pods: SimulatedPod[]
  kept: PoliciesPush | undefined
  leaderEpoch = 1
  found: FoundFleet = { kind: 'found', fleet: this }
  /** What a pod does that runs these policies. */
  behaviour: (pod: SimulatedPod) => Traffic = () => WELL
  readonly events: string[] = []
  /** So many of the next calls of the API and the pods fail, each before it does anything. */
  failing = 0
  readonly #dueMs = new Map<string, number>()
  readonly crr: SimulatedObjects<CrrPolicySpec>
  readonly tiering: SimulatedObjects<TieringPolicySpec>
  #controllers: { readonly crr: PolicyController<CrrPolicySpec>; readonly tiering: PolicyController<TieringPolicySpec> }

  /** @param capabilities of its pods; undefined: of a version that takes no policies */
  constructor(pods: number, capabilities: readonly string[] | undefined = ['crr', 'tiering']) {
    this.pods = Array.from({ length: pods }, (_, i) => this.#pod(i, capabilities))
    this.crr = new SimulatedObjects(this)
    this.tiering = new SimulatedObjects(this)
    this.#controllers = this.#newControllers()
  }

  #pod(ordinal: number, capabilities: readonly string[] | undefined): SimulatedPod {
    const name = `fleet-${ordinal}`
    return { name, push: this.kept ?? NO_POLICIES, traffic: new SimulatedTraffic(name, this.nowMs), capabilities, down: false }
  }

  #newControllers() {
    const shared = { fleets: this, now: () => this.nowMs, log: () => {} }
    const part = <Spec extends RolledOutSpec>(
      kind: PolicyKind<Spec>,
      objects: PolicyObjects<Spec>,
      other: () => PolicyController<RolledOutSpec>,
    ) => new PolicyController<Spec>({ ...shared, kind, objects, otherKinds: () => other().claimants() })
    const crr: PolicyController<CrrPolicySpec> = part(CRR_POLICY, this.crr, () => tiering as PolicyController<RolledOutSpec>)
    const tiering: PolicyController<TieringPolicySpec> = part(
      TIERING_POLICY,
      this.tiering,
      () => crr as PolicyController<RolledOutSpec>,
    )
    return { crr, tiering }
  }

  /** A successor, which has nothing but what the cluster holds, under an epoch of its own. */
  takeOver(): void {
    this.leaderEpoch++
    this.wake()
    this.#controllers = this.#newControllers()
  }

  addPod(): void {
    this.pods.push(this.#pod(this.pods.length, ['crr', 'tiering']))
    this.wake()
  }

  /** As another version of themselves. */
  startAgain(pods: readonly SimulatedPod[], capabilities: readonly string[]): void {
    for (const pod of pods) Object.assign(pod, { capabilities, push: this.kept ?? NO_POLICIES })
    this.wake()
  }

  running(revision: string | undefined): number {
    return this.pods.filter((pod) => pod.push.revision === revision).length
  }

  async run(seconds: number, done: () => boolean = () => false): Promise<boolean> {
    const signal = new AbortController().signal
    for (let passed = 0; passed < seconds * 1000; passed += TICK_MS) {
      this.nowMs += TICK_MS
      for (const pod of this.pods) pod.traffic.serve(this.behaviour(pod), TICK_MS)
      for (const kind of ['crr', 'tiering'] as const)
        for (const name of await this[kind].names()) await this.#reconcile(kind, name, signal)
      if (done()) return true
    }
    return false
  }

  /** @throws Error with the events when it does not come about in time. */
  async until(what: string, done: () => boolean, seconds = 300): Promise<void> {
    if (!(await this.run(seconds, done))) throw new Error(`not within ${seconds} s: ${what}\n${this.events.join('\n')}`)
  }

  /** As a queue does: when it is due, or somebody changed an object. */
  async #reconcile(kind: 'crr' | 'tiering', name: string, signal: AbortSignal): Promise<void> {
    const key = `${kind}/${name}`
    if (this.nowMs < (this.#dueMs.get(key) ?? 0)) return
    try {
      const result = await this.#controllers[kind].reconcile(name, signal)
      this.#dueMs.set(key, this.nowMs + (result.kind === 'requeue' ? result.afterMs : 0))
    } catch (error) {
      if (!(error instanceof ApiDown)) throw error
    }
  }

  wake(): void {
    this.#dueMs.clear()
  }

  called(): void {
    if (this.failing-- > 0) throw new ApiDown('the API does not answer')
    this.failing = 0
  }

  find(): FoundFleet {
    return this.found
  }

  epoch(): number {
    return this.leaderEpoch
  }

  async read(): Promise<readonly PodReading[]> {
    return this.pods.map((pod) => {
      const { revision, epoch } = pod.push
      const told = pod.capabilities && { policies: { revision, epoch }, capabilities: pod.capabilities }
      return pod.traffic.reading({ ...this.behaviour(pod), ...(pod.down && { report: 'unreachable' }) }, this.nowMs, told)
    })
  }

  async stable(): Promise<PoliciesPush | undefined> {
    return this.kept
  }

  async keepStable(push: PoliciesPush): Promise<number | undefined> {
    this.called()
    if (this.kept && this.kept.epoch > push.epoch) return this.kept.epoch
    this.kept = push
    return undefined
  }

  async push(names: readonly string[], push: PoliciesPush): Promise<readonly PushResult[]> {
    this.called()
    return names.map((name): PushResult => {
      const pod = this.pods.find((each) => each.name === name)
      if (!pod || pod.down || !pod.capabilities) return { pod: name, kind: 'unreachable', error: 'ECONNREFUSED' }
      if (push.epoch < pod.push.epoch) return { pod: name, kind: 'fenced', seen: pod.push.epoch }
      pod.push = push
      return { pod: name, kind: 'applied' }
    })
  }
}

const FAST = {
  gates: { windowSeconds: 4, intervalSeconds: 1, minSamples: 20, failures: 2, of: 3 },
  stepSeconds: 4,
  progressDeadlineSeconds: 20,
  steps: [1, 50, 100],
} as const

export const tieringSpec = (rest: Partial<TieringPolicyInput> = {}): TieringPolicySpec =>
  tieringPolicyWithDefaults({
    hotTier: { backend: 'redis', ttl: '1h' },
    warmTier: { backend: 'postgres', ttl: '7d' },
    coldTier: { backend: 's3', ttl: '90d' },
    ...FAST,
    steps: [...FAST.steps],
    ...rest,
  })

export const crrSpec = (rest: Partial<CrrPolicyInput> = {}): CrrPolicySpec =>
  crrPolicyWithDefaults({ sourceRegion: 'eu', targetRegions: ['us'], ...FAST, steps: [...FAST.steps], ...rest })
