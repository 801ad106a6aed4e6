/**
 * One migration, a step at a time: observe, decide, act, again. The command line and the operator both drive it with `step`; all it knows is
 * at the shards, so it can end at any await and another engine, anywhere, goes on.
 *
 * @example
 * const engine = await MigrationEngine.open({ controls, spec, holder: 'me' })
 * let progress
 * do progress = await engine.step({ kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }, 1000)
 * while (!progress.reached && !progress.blocked)
 * await engine.close()
 */

import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type ShardControl, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import { act } from './act.ts'
import type { Certificate, CertificateSigner } from './certificate/certificate.ts'
import { type Clock, SYSTEM_CLOCK } from './clock.ts'
import { type Action, type Decision, decide, type Intent } from './decide.ts'
import { DEFAULT_LEASE_TTL_MS, FleetLease } from './lease/fleet-lease.ts'
import { Ledger } from './ledger.ts'
import { type Controls, type MigrationView, observe } from './observe.ts'
import type { PhaseContext } from './phases/context.ts'
import { GroupSize } from './phases/group-size.ts'
import { Measurements } from './phases/measurements.ts'
import type { MigrationSpec, Plan } from './plan.ts'
import { type Progress, progressOf } from './progress.ts'
import { DEFAULT_SETTINGS, type MigrationSettings, SLICE_MS } from './settings.ts'
import { type LatencyReading, TokenBucket } from './throttle/token-bucket.ts'

export interface EngineOptions {
  /** Every shard of `spec.from` and `spec.to`. Closed by their owner, not by the engine. */
  readonly controls: Controls
  readonly spec: MigrationSpec
  /** Names this process in other people's error messages. Unique: two engines of one name would count as one. */
  readonly holder: string
  readonly settings?: Partial<MigrationSettings>
  readonly leaseTtlMs?: number
  /** Take the lease although another's has not run out. */
  readonly takeOver?: boolean
  /** Begin only with this plan; undefined: with the plan as it is then. */
  readonly approvedPlan?: string
  /** A plan that was made shortly before: saves measuring the shards again. */
  readonly earlierPlan?: Plan
  readonly signer?: CertificateSigner
  readonly onCertificate?: (certificate: Certificate) => Promise<void>
  readonly clock?: Clock
}

/** Rest between two looks at the change log. */
const IDLE_MS = 20

/** Where there is nothing to do but keep in step, the slots are looked at this often: a look takes in every row of every shard. */
const KEEP_IN_STEP_MS = 200

export class MigrationEngine {
  readonly #context: PhaseContext
  readonly #approvedPlan: string | undefined
  readonly #earlierPlan: Plan | undefined
  readonly #closed = new AbortController()
  #behindSinceMs: number | undefined
  #unanswered = false
  #clearedTargets = false

  private constructor(context: PhaseContext, { approvedPlan, earlierPlan }: EngineOptions) {
    this.#context = context
    this.#approvedPlan = approvedPlan
    this.#earlierPlan = earlierPlan
  }

  /** Takes the lease at every shard. @throws MigrationStopped `LeaseLost` when another holds it, ShardUnavailable. */
  static async open(options: EngineOptions): Promise<MigrationEngine> {
    const clock = options.clock ?? SYSTEM_CLOCK
    const settings = { ...DEFAULT_SETTINGS, ...options.settings }
    const lease = await FleetLease.acquire(
      options.controls,
      { holder: options.holder, ttlMs: options.leaseTtlMs ?? DEFAULT_LEASE_TTL_MS, takeOver: options.takeOver ?? false },
      clock,
    )
    const context: PhaseContext = {
      spec: options.spec,
      settings,
      controls: options.controls,
      lease,
      ledger: new Ledger(options.controls, lease),
      clock,
      throttle: new TokenBucket(settings.throttleQps, clock),
      measured: new Measurements(),
      places: new Map<SlotId, string>(),
      proven: new Map(),
      groupSize: new GroupSize(kindOf(options.controls)),
      attested: new Map(),
      signer: options.signer,
      onCertificate: options.onCertificate ?? (async () => {}),
    }
    return new MigrationEngine(context, options)
  }

  get generation(): number {
    return this.#context.lease.generation
  }

  /**
   * Works towards `intent` for about `budgetMs`, less when it is reached, blocked, or `signal` fires. Call it again until then. A call that ends
   * leaves no slot without an owner, unless it throws.
   * @throws MigrationStopped when going on would be wrong; ShardUnavailable when a shard does not answer: call again later.
   */
  async step(intent: Intent, budgetMs: number, signal?: AbortSignal): Promise<Progress> {
    const { clock } = this.#context
    const untilMs = clock.now() + budgetMs
    const stop = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal
    for (let known: MigrationView | undefined; ; ) {
      await this.#fenceWhatMayArrive()
      const view: MigrationView = known ?? (await this.#observe())
      const decision = decide({
        view,
        intent,
        settings: this.#context.settings,
        nowMs: clock.now(),
        behindSinceMs: this.#behindSinceMs,
      })
      const sliceMs = Math.max(1, Math.min(SLICE_MS, untilMs - clock.now()))
      await this.#perform(decision, view, sliceMs, stop)
      const over = stop.aborted || clock.now() >= untilMs
      if (decision.reached || decision.blocked || over) return progressOf(this.#context, view, decision)
      if (decision.actions.length === 0) await clock.sleep(KEEP_IN_STEP_MS, stop)
      // A record changes nothing but the document, which is known here: no need to read every row again.
      const recorded = decision.actions.length > 0 && decision.actions.every(({ kind }) => kind === 'record')
      known = recorded ? { ...view, document: this.#context.ledger.document } : undefined
    }
  }

  /** What the shards say now, without doing anything. */
  async look(intent: Intent): Promise<Progress> {
    const view = await this.#observe()
    const { settings, clock } = this.#context
    return progressOf(
      this.#context,
      view,
      decide({ view, intent, settings, nowMs: clock.now(), behindSinceMs: this.#behindSinceMs }),
    )
  }

  /** A reading of the fleet's latency, by which the copy slows down and speeds up. About one a second. */
  feedback(reading: LatencyReading): void {
    this.#context.throttle.adjust(reading)
  }

  /** Gives the lease back. A step under way ends at its next safe point. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#context.lease.release()
  }

  async #observe(): Promise<MigrationView> {
    const { controls, spec, settings, ledger, clock, lease } = this.#context
    lease.check()
    const view = await observe(controls, spec.id)
    if (view.document) ledger.seen(view.document)
    if (view.backlog.lagMs <= settings.maxLagMs) this.#behindSinceMs = undefined
    else this.#behindSinceMs ??= clock.now()
    return view
  }

  /**
   * A call that nobody answered may still arrive: under a new generation it is refused, so that nothing acts behind what was observed. One
   * that was answered may arrive a second time, of which only a discard does harm: it would take what is copied to the same slots next.
   */
  async #fenceWhatMayArrive(): Promise<void> {
    const { lease, ledger } = this.#context
    if (!this.#unanswered && !this.#clearedTargets && !ledger.inDoubt) return
    await lease.raise()
    this.#unanswered = false
    this.#clearedTargets = false
    ledger.fenced()
  }

  async #perform(decision: Decision, view: MigrationView, sliceMs: number, stop: AbortSignal): Promise<void> {
    const { clock } = this.#context
    const untilMs = clock.now() + sliceMs
    const order = { view, approvedPlan: this.#approvedPlan, earlierPlan: this.#earlierPlan }
    const perform = (action: Action, signal: AbortSignal) => act(this.#context, action, order, { untilMs, signal })
    // On the way back a turn would come next, and after a cleanup there is nothing that is copied to the slots again.
    this.#clearedTargets ||= decision.phase === 'Copying' && decision.actions.some(({ kind }) => kind === 'discard')
    const work = decision.actions.filter(({ kind }) => kind !== 'follow')
    const following = decision.actions.filter(({ kind }) => kind === 'follow')
    const workDone = new AbortController()
    const failed = new AbortController()
    const worker = all(
      work.map((action) => perform(action, AbortSignal.any([stop, failed.signal]))),
      failed,
    ).finally(() => workDone.abort())
    const once = decision.reached || decision.blocked !== undefined
    const keepUntilMs = work.length > 0 ? untilMs : Math.min(untilMs, clock.now() + KEEP_IN_STEP_MS)
    const signals = work.length > 0 ? [stop, workDone.signal, failed.signal] : [stop, failed.signal]
    const follower = all(
      following.map((action) =>
        this.#keepFollowing(() => perform(action, stop), once ? 0 : keepUntilMs, AbortSignal.any(signals)),
      ),
      failed,
    )
    const results = await Promise.allSettled([worker, follower])
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [this.#explained(result.reason)] : []))
    if (reasons.length > 0) throw reasons[0]
  }

  /** Applies the change log, at least once, and again and again until then. */
  async #keepFollowing(once: () => Promise<void>, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context
    for (;;) {
      await once()
      if (signal.aborted || clock.now() >= untilMs) return
      await clock.sleep(IDLE_MS, signal)
    }
  }

  /** A refusal for a lower generation means that another has taken over. */
  #explained(error: unknown): unknown {
    if (error instanceof ShardUnavailable) this.#unanswered = true
    if (error instanceof ShardRefused && error.refusal.kind === 'fenced') return this.#context.lease.markLost(error)
    return error
  }
}

/** Shards that exchange records are of one kind. */
function kindOf(controls: Controls): ShardControl['kind'] {
  const [first] = controls.values()
  if (!first) throw new Error('a migration needs shards')
  return first.kind
}

/** Waits for all, even when one fails, so that nothing of a step is left running behind its caller's back. */
async function all(promises: readonly Promise<void>[], failed: AbortController): Promise<void> {
  const results = await Promise.allSettled(promises.map((promise) => promise.catch(stopOthers)))
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  // What says that this process must stop counts more than what says that it should try again.
  const [first] = [...reasons.filter((reason) => !(reason instanceof ShardUnavailable)), ...reasons]
  if (first !== undefined) throw first

  function stopOthers(error: unknown): never {
    failed.abort()
    throw error
  }
}
