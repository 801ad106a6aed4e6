/**
 * Reconciles the policies of one kind in one namespace: observe, decide, act. One of these a kind and namespace; it keeps measurements,
 * nothing that matters.
 */
import { NO_POLICIES } from '@fractal-lba/protocol/config/policies'
import type { PodReading } from '../../fleet/port.ts'
import { FleetMonitor } from '../../rollout/monitor.ts'
import type { Measurement } from '../../rollout/watch.ts'
import type { ReconcileResult } from '../../runtime/reconcile.ts'
import { act } from './act.ts'
import { decide } from './decide.ts'
import type { FoundFleet, PolicyFleet, PolicyFleets } from './fleets.ts'
import type { PolicyKind } from './kinds.ts'
import type { PolicyObject, PolicyObjects, RolledOutSpec } from './objects.ts'
import type { FleetView, PodView } from './observed.ts'
import { type Claimant, conflictOf, waitsFor } from './right-of-way.ts'
import { watchSettings } from './watch-settings.ts'

export interface PolicyControllerParts<Spec extends RolledOutSpec> {
  readonly kind: PolicyKind<Spec>
  readonly objects: PolicyObjects<Spec>
  readonly fleets: PolicyFleets
  /** Policies of the other kinds in the namespace; see `claimants` of their controllers. */
  readonly otherKinds: () => Promise<readonly Claimant[]>
  readonly now: () => number
  readonly log: (message: string) => void
}

interface Held {
  readonly uid: string
  readonly fleetKey: string
  readonly monitor: FleetMonitor
  measuredAtMs: number
}

const READ_TIMEOUT_MS = 2000
/** A fenced leader is about to be told that it is none. */
const FENCED_PAUSE_MS = 5000

export class PolicyController<Spec extends RolledOutSpec> {
  readonly #parts: PolicyControllerParts<Spec>
  readonly #held = new Map<string, Held>()
  #fencedBy: number | undefined

  constructor(parts: PolicyControllerParts<Spec>) {
    this.#parts = parts
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { objects, fleets, kind, now, log, otherKinds } = this.#parts
    const object = await objects.get(name)
    if (!object) {
      this.#held.delete(name)
      return { kind: 'done' }
    }
    const others = [...(await this.claimants()), ...(await otherKinds())]
    const self = this.#claimant(object, this.#keys())
    const conflict = conflictOf(self, others)
    const found = fleets.find(object.spec?.fleet)
    const fleet = found.kind === 'found' ? found.fleet : undefined
    const view = await this.#view(found, conflict)
    const measurement = fleet && (await this.#measure(object, fleet, view))
    const epoch = fleets.epoch()
    if (this.#fencedBy !== undefined && epoch >= this.#fencedBy) this.#fencedBy = undefined
    if (signal.aborted) return { kind: 'done' }
    const decided = decide({
      capability: kind.capability,
      generation: object.generation,
      annotations: object.annotations,
      deletionRequested: object.deletionRequested,
      spec: object.spec,
      problems: object.problems,
      status: object.status,
      fleet: view.kind === 'found' ? { ...view, fencedBy: this.#fencedBy ?? fencedBy(view, epoch) } : view,
      wanted: view.kind === 'found' && object.spec ? kind.withSpec(view.stable.policies, object.spec) : undefined,
      conflict,
      waitsFor: waitsFor(self, others),
      ownClaims: kind.ownClaims,
      epoch,
      measurement,
      nowMs: now(),
    })
    const acted = await act(objects, object, fleet, decided, (message) => log(`${kind.kind} ${name}: ${message}`), signal)
    if (acted.forgotten) {
      this.#held.delete(name)
      return { kind: 'done' }
    }
    if (acted.fencedBy !== undefined) {
      this.#fencedBy = acted.fencedBy
      return { kind: 'requeue', afterMs: FENCED_PAUSE_MS }
    }
    const changed = decided.actions.some((action) => action.kind === 'push' || action.kind === 'keep-stable')
    return { kind: 'requeue', afterMs: changed ? Math.min(200, decided.requeueAfterMs) : decided.requeueAfterMs }
  }

  /** The policies of this kind, for those of the others. */
  async claimants(): Promise<readonly Claimant[]> {
    const { objects } = this.#parts
    const keyOf = this.#keys()
    const all = await Promise.all((await objects.names()).map((name) => objects.get(name)))
    return all.flatMap((object) => (object ? [this.#claimant(object, keyOf)] : []))
  }

  /** Keys of fleets by their name; each is looked for once, however many policies name it. */
  #keys(): (name: string | undefined) => string | undefined {
    const known = new Map<string | undefined, string | undefined>()
    return (name) => {
      if (!known.has(name)) {
        const found = this.#parts.fleets.find(name)
        known.set(name, found.kind === 'found' ? found.fleet.key : undefined)
      }
      return known.get(name)
    }
  }

  #claimant(
    { name, uid, spec, status, createdAtMs, deletionRequested }: PolicyObject<Spec>,
    keyOf: (fleet: string | undefined) => string | undefined,
  ): Claimant {
    const rollout = status?.rollout
    return {
      kind: this.#parts.kind.kind,
      name,
      uid,
      fleet: keyOf(spec?.fleet),
      createdAtMs,
      inForce: rollout !== undefined,
      moving: rollout !== undefined && rollout.endedAt === undefined,
      deletionRequested,
    }
  }

  async #view(found: FoundFleet, conflict: string | undefined): Promise<FleetView> {
    if (found.kind === 'missing') return found
    // Of a policy that has no say in the fleet, nothing depends on what its pods do.
    if (conflict !== undefined) return { kind: 'unreachable', message: `it follows ${conflict}` }
    const { fleet } = found
    try {
      const [readings, stable] = await Promise.all([fleet.read(READ_TIMEOUT_MS), fleet.stable()])
      const pods = readings.map(podView).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      return { kind: 'found', key: fleet.key, pods, stable: stable ?? NO_POLICIES, fencedBy: undefined }
    } catch (error) {
      return { kind: 'unreachable', message: (error as Error).message }
    }
  }

  async #measure(object: PolicyObject<Spec>, fleet: PolicyFleet, view: FleetView): Promise<Measurement | undefined> {
    const { name, uid, spec, status } = object
    const rollout = status?.rollout
    if (!spec || view.kind !== 'found' || !rollout || rollout.endedAt !== undefined || rollout.targetPods === 0) {
      this.#held.delete(name)
      return undefined
    }
    const { now } = this.#parts
    let held = this.#held.get(name)
    if (held?.uid !== uid || held.fleetKey !== fleet.key) {
      held = { uid, fleetKey: fleet.key, monitor: new FleetMonitor(fleet, now), measuredAtMs: 0 }
      this.#held.set(name, held)
    }
    const watch = watchSettings(spec)
    const nowMs = now()
    if (nowMs - held.measuredAtMs < watch.intervalMs) return undefined
    held.measuredAtMs = nowMs
    const canary = view.pods.filter((pod) => pod.runs?.revision === rollout.revision).map((pod) => pod.name)
    return await held.monitor.measure({
      gates: watch.gates,
      windowMs: watch.windowMs,
      notBeforeMs: status.watchFromMs,
      timeoutMs: Math.min(READ_TIMEOUT_MS, watch.intervalMs),
      canary: { pods: new Set(canary), limits: watch.canary },
    })
  }
}

function podView({ pod, report, error }: PodReading): PodView {
  return {
    name: pod,
    runs: report?.policies,
    problem: error ?? (report && !report.policies ? 'is of a version that takes no policies' : undefined),
    tooOld: report !== undefined && report.policies === undefined,
    capabilities: report?.capabilities ?? [],
  }
}

function fencedBy(view: Extract<FleetView, { kind: 'found' }>, epoch: number): number | undefined {
  const highest = Math.max(view.stable.epoch, ...view.pods.map((pod) => pod.runs?.epoch ?? 0))
  return highest > epoch ? highest : undefined
}
