/** Reconciles `ShardMigration` objects: observe, decide, act. One of these a process; it keeps connections and measurements, nothing that matters. */
import { certificateText } from '@fractal-lba/migration/certificate/read-certificate'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { Fleet } from '../../fleet/port.ts'
import type { Gate } from '../../rollout/gates.ts'
import { FleetMonitor } from '../../rollout/monitor.ts'
import type { ReconcileResult } from '../../runtime/reconcile.ts'
import { act, orderOf } from './act.ts'
import { decide } from './decide.ts'
import { freshStatus, isTerminal } from './draft.ts'
import { intentOf } from './intent.ts'
import { waitsFor } from './interlock.ts'
import type { MigrationObject, MigrationObjects } from './objects.ts'
import type { EngineObservation, Measurement, PodRevision } from './observed.ts'
import { MigrationSession, type SessionOptions } from './session.ts'

/** What a migration is about: the pods that serve its shards, and the way to those. */
export interface Surroundings {
  readonly fleet: Fleet
  readonly openControl: SessionOptions['openControl']
}

export interface ControllerParts {
  readonly objects: MigrationObjects
  readonly around: (object: MigrationObject) => Surroundings
  readonly now: () => number
  readonly session: Omit<SessionOptions, 'now' | 'onCertificate' | 'openControl'>
  readonly log: (message: string) => void
}

interface Held {
  readonly fleet: Fleet
  readonly session: MigrationSession
  readonly monitor: FleetMonitor
  measuredAtMs: number
  /** The pods were just given a config: see what they run, before anything depends on it. */
  askPods: boolean
  pods: readonly PodRevision[]
}

/** Time between two looks at a migration that runs, or waits with its sides kept in step: the change log is applied that often. */
const RUNNING_POLL_MS = 200
/** An admin port on the same network answers in milliseconds; what has not by then does not count as an answer. */
const MAX_READ_TIMEOUT_MS = 2000
const PUSH_TIMEOUT_MS = 5000

export class ShardMigrationController {
  readonly #parts: ControllerParts
  readonly #held = new Map<string, Held>()

  constructor(parts: ControllerParts) {
    this.#parts = parts
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { objects, now } = this.#parts
    const object = await objects.get(name)
    if (!object) {
      await this.#drop(name)
      return { kind: 'done' }
    }
    const held = this.#hold(object)
    const status = object.status ?? freshStatus(object.generation, 1, now())
    const blocker = isTerminal(status.phase) ? undefined : waitsFor(object, await this.#others(name))
    const engine = await this.#observeEngine(object, status, held, blocker)
    const measurement = await this.#measure(object.spec, status, held)
    if (signal.aborted) return { kind: 'done' }
    const decided = decide({
      name,
      uid: object.uid,
      generation: object.generation,
      annotations: object.annotations,
      deletionRequested: object.deletionRequested,
      spec: object.spec,
      problems: object.problems,
      status: object.status,
      fleetExists: held.fleet.exists(),
      engine,
      measurement,
      pods: held.pods,
      waitsFor: blocker,
      nowMs: now(),
    })
    const parts = {
      objects,
      fleet: held.fleet,
      session: held.session,
      pushTimeoutMs: PUSH_TIMEOUT_MS,
      log: (message: string) => this.#parts.log(`${name}: ${message}`),
    }
    const acted = await act(parts, object, decided, signal)
    const configured = decided.actions.some((action) => action.kind === 'configure')
    held.askPods = configured
    if (acted.forgotten) {
      await this.#drop(name)
      return { kind: 'requeue', afterMs: RUNNING_POLL_MS }
    }
    const result = next(decided.requeueAfterMs, acted.busy, acted.worked || configured)
    // Of those that have ended there may be many: nothing is kept in memory of what rests.
    if (result.kind === 'done') await this.#drop(name)
    return result
  }

  async #others(name: string): Promise<readonly MigrationObject[]> {
    const { objects } = this.#parts
    const names = (await objects.names()).filter((other) => other !== name)
    return (await Promise.all(names.map((other) => objects.get(other)))).filter((other) => other !== undefined)
  }

  /** Gives back every lease: a successor need not wait for them to run out. */
  async close(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((name) => this.#drop(name)))
  }

  #hold(object: MigrationObject): Held {
    const key = object.name
    const known = this.#held.get(key)
    if (known) return known
    const { around, now, session, objects } = this.#parts
    const { fleet, openControl } = around(object)
    const held = {
      fleet,
      session: new MigrationSession({
        ...session,
        openControl,
        now,
        onCertificate: (certificate) => objects.keepCertificate(object.name, certificateText(certificate)),
      }),
      monitor: new FleetMonitor(fleet, now),
      measuredAtMs: 0,
      askPods: false,
      pods: [],
    }
    this.#held.set(key, held)
    return held
  }

  async #drop(name: string): Promise<void> {
    const held = this.#held.get(name)
    this.#held.delete(name)
    await held?.session.release()
  }

  async #observeEngine(
    object: MigrationObject,
    status: ShardMigrationStatus,
    held: Held,
    blocker: string | undefined,
  ): Promise<EngineObservation> {
    const order = orderOf(object, status)
    if (!order || isTerminal(status.phase) || blocker !== undefined) return { kind: 'not-needed' }
    return held.session.observe(order, intentOf(status, object.spec), status.migrationId !== undefined)
  }

  async #measure(
    spec: ShardMigrationSpec | undefined,
    status: ShardMigrationStatus,
    held: Held,
  ): Promise<Measurement | undefined> {
    const nowMs = this.#parts.now()
    if (!spec || (isTerminal(status.phase) && status.fleetConfig === undefined)) return undefined
    const intervalMs = spec.gates.intervalSeconds * 1000
    const isTime = nowMs - held.measuredAtMs >= intervalMs
    if (!isTime && !held.askPods) return undefined
    const measured = await held.monitor.measure({
      gates: gatesOf(spec),
      windowMs: spec.gates.windowSeconds * 1000,
      notBeforeMs: status.watchFromMs,
      timeoutMs: Math.min(MAX_READ_TIMEOUT_MS, Math.max(100, intervalMs)),
    })
    held.pods = measured.reports.map((report) => ({ pod: report.pod, revision: report.configRevision }))
    if (!isTime) return undefined
    held.measuredAtMs = nowMs
    return { readings: measured.readings, p95Ms: measured.p95Ms }
  }
}

function next(requeueAfterMs: number | undefined, busy: boolean, soon: boolean): ReconcileResult {
  if (busy) return { kind: 'requeue', afterMs: 0 }
  if (requeueAfterMs === undefined) return { kind: 'done' }
  return { kind: 'requeue', afterMs: soon ? Math.min(RUNNING_POLL_MS, requeueAfterMs) : requeueAfterMs }
}

export function gatesOf(spec: ShardMigrationSpec): Gate[] {
  const { maxLatencyP95, maxErrorRate, minDedupHitRatio } = spec.healthGates
  const { minSamples } = spec.gates
  return [
    { metric: 'maxLatencyP95', threshold: maxLatencyP95, minSamples },
    { metric: 'maxErrorRate', threshold: maxErrorRate, minSamples },
    ...(minDedupHitRatio > 0 ? [{ metric: 'minDedupHitRatio', threshold: minDedupHitRatio, minSamples } as const] : []),
  ]
}
