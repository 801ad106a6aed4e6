/**
 * A namespace with a fleet, its pods' admin ports and policies of both kinds, on a clock that the test moves: what the two controllers see
 * of a cluster, in milliseconds. Pods refuse, keep and report policies as the real ones do (`backend/src/pod.policies.test.ts`).
 */
import { NO_POLICIES, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { Condition } from '../../../api/conditions.ts'
import { type CrrPolicyInput, type CrrPolicySpec, crrPolicyWithDefaults } from '../../../api/crrpolicy.ts'
import { annotationOf, type Verb } from '../../../api/group.ts'
import { type TieringPolicyInput, type TieringPolicySpec, tieringPolicyWithDefaults } from '../../../api/tieringpolicy.ts'
import type { FieldProblem } from '../../../api/validate.ts'
import type { PodReading, PushResult } from '../../../fleet/port.ts'
import { SimulatedTraffic, type Traffic, WELL } from '../../../rollout/testing/simulated-traffic.ts'
import { PolicyController } from '../controller.ts'
import type { FoundFleet, PolicyFleet, PolicyFleets } from '../fleets.ts'
import { CRR_POLICY, type PolicyKind, TIERING_POLICY } from '../kinds.ts'
import type { AnyPolicyStatus, PolicyObject, PolicyObjects, RolledOutSpec } from '../objects.ts'

const TICK_MS = 500

interface SimulatedPod {
  readonly name: string
  push: PoliciesPush
  traffic: SimulatedTraffic
  capabilities: readonly string[] | undefined
  down: boolean
}

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
    const result = await this.#controllers[kind].reconcile(name, signal)
    this.#dueMs.set(key, this.nowMs + (result.kind === 'requeue' ? result.afterMs : 0))
  }

  wake(): void {
    this.#dueMs.clear()
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
    if (this.kept && this.kept.epoch > push.epoch) return this.kept.epoch
    this.kept = push
    return undefined
  }

  async push(names: readonly string[], push: PoliciesPush): Promise<readonly PushResult[]> {
    return names.map((name): PushResult => {
      const pod = this.pods.find((each) => each.name === name)
      if (!pod || pod.down || !pod.capabilities) return { pod: name, kind: 'unreachable', error: 'ECONNREFUSED' }
      if (push.epoch < pod.push.epoch) return { pod: name, kind: 'fenced', seen: pod.push.epoch }
      pod.push = push
      return { pod: name, kind: 'applied' }
    })
  }
}

interface Stored<Spec> {
  uid: string
  generation: number
  createdAtMs: number
  annotations: Record<string, string>
  deletionRequested: boolean
  spec: Spec | undefined
  problems: readonly FieldProblem[]
  status: string | undefined
}

export class SimulatedObjects<Spec extends RolledOutSpec> implements PolicyObjects<Spec> {
  readonly #world: PolicyWorld
  readonly #stored = new Map<string, Stored<Spec>>()
  #uids = 0

  constructor(world: PolicyWorld) {
    this.#world = world
  }

  apply(name: string, spec: Spec | undefined, problems: readonly FieldProblem[] = []): void {
    this.#world.wake()
    const known = this.#stored.get(name)
    if (known) Object.assign(known, { spec: spec ?? known.spec, problems, generation: known.generation + 1 })
    else
      this.#stored.set(name, {
        uid: `${name}-${++this.#uids}`,
        generation: 1,
        createdAtMs: this.#world.nowMs + this.#uids,
        annotations: {},
        deletionRequested: false,
        spec,
        problems,
        status: undefined,
      })
  }

  delete(name: string): void {
    this.#world.wake()
    this.#of(name).deletionRequested = true
  }

  give(name: string, verb: Verb, value = 'true'): void {
    this.#world.wake()
    this.#of(name).annotations[annotationOf(verb)] = value
  }

  status(name: string): AnyPolicyStatus {
    return JSON.parse(this.#of(name).status ?? '{}') as AnyPolicyStatus
  }

  condition(name: string, type: string): Pick<Condition<string>, 'status' | 'reason' | 'message'> | undefined {
    return this.status(name).conditions?.find((condition) => condition.type === type)
  }

  has(name: string): boolean {
    return this.#stored.has(name)
  }

  #of(name: string): Stored<Spec> {
    const stored = this.#stored.get(name)
    if (!stored) throw new Error(`there is no ${name}`)
    return stored
  }

  async names(): Promise<readonly string[]> {
    return [...this.#stored.keys()]
  }

  async get(name: string): Promise<PolicyObject<Spec> | undefined> {
    const stored = this.#stored.get(name)
    if (!stored) return undefined
    // As the API server gives it back: without what is undefined.
    const status = stored.status === undefined ? undefined : (JSON.parse(stored.status) as AnyPolicyStatus)
    return { name, ...stored, annotations: { ...stored.annotations }, status }
  }

  async writeStatus({ name }: PolicyObject<Spec>, status: AnyPolicyStatus): Promise<void> {
    this.#of(name).status = JSON.stringify(status)
  }

  async event({ name }: PolicyObject<Spec>, type: string, reason: string, message: string): Promise<void> {
    this.#world.events.push(`${name}: ${type} ${reason}: ${message}`)
  }

  async consume({ name }: PolicyObject<Spec>, verb: Verb, value: string): Promise<void> {
    const { annotations } = this.#of(name)
    if (annotations[annotationOf(verb)] === value) delete annotations[annotationOf(verb)]
  }

  async forget({ name }: PolicyObject<Spec>): Promise<void> {
    this.#stored.delete(name)
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
