/**
 * One object's hold on the migration engine: connections to its shards, and the lease while something is under way. Translates what the
 * engine says into an observation; decides nothing.
 */

import type { Certificate, CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import type { Clock } from '@fractal-lba/migration/clock'
import { documentsOf } from '@fractal-lba/migration/document'
import { MigrationEngine } from '@fractal-lba/migration/engine'
import { type Controls, describeAll } from '@fractal-lba/migration/observe'
import { planFrom } from '@fractal-lba/migration/phases/begin'
import type { MigrationSpec, Plan } from '@fractal-lba/migration/plan'
import type { Progress } from '@fractal-lba/migration/progress'
import type { MigrationSettings } from '@fractal-lba/migration/settings'
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { SLOT_COUNT, type SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardAddress, type ShardAddress } from '@fractal-lba/shards/address'
import { type MigrationId, type ShardControl, type ShardId, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import { FleetUnavailable } from '../../fleet/port.ts'
import { CopyRate } from './copy-rate.ts'
import type { EngineIntent, EngineObservation, RunningView } from './observed.ts'

export interface SessionOptions {
  readonly holder: string
  readonly now: () => number
  /** The engine's time; the machine's own where not given. */
  readonly clock?: Clock
  /** The slots that exist; all of them outside of simulations. */
  readonly universe?: readonly SlotId[]
  readonly openControl: (address: ShardAddress) => ShardControl | Promise<ShardControl>
  readonly leaseTtlMs: number
  readonly signer: CertificateSigner | undefined
  readonly onCertificate: (certificate: Certificate) => Promise<void>
}

/** What the session is about; another order closes what is open for the last one. */
export interface SessionOrder {
  readonly migrationId: string
  readonly spec: ShardMigrationSpec
  readonly planHash: string | undefined
}

/** How long one piece of work may last, so that gates, verbs and status get their turn. */
const WORK_MS = 500
/** A pod may have seen a generation of an earlier life of these shards; it is passed by taking the lease anew, this often at most. */
const MAX_OUTBIDS = 1000

export class MigrationSession {
  readonly #options: SessionOptions
  readonly #rate = new CopyRate()
  #controls: Map<ShardId, ShardControl> | undefined
  #controlsKey = ''
  #engine: MigrationEngine | undefined
  #engineKey = ''
  #stopped: { reason: string; message: string } | undefined
  /** What the last piece of work ended with: the next look need not read every slot of every shard again. */
  #fresh: { readonly intent: string; readonly progress: Progress } | undefined

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** `hold`: the attempt is under way, so that the lease is needed to look at it as its owner. */
  async observe(order: SessionOrder, intent: EngineIntent, hold: boolean): Promise<EngineObservation> {
    try {
      if (!hold && !this.#engine && !(await this.#hasDocument(order))) return await this.#plan(order)
      const engine = await this.#open(order)
      const fresh = this.#fresh?.intent === JSON.stringify(intent) ? this.#fresh.progress : undefined
      this.#fresh = undefined
      const progress = fresh ?? (await engine.look(intent))
      if (progress.planHash === undefined) return await this.#plan(order)
      return { kind: 'running', view: this.#view(progress), stopped: this.#stopped }
    } catch (error) {
      return this.#explain(error)
    }
  }

  /** The fencing generation that a push to the fleet carries; takes the lease where it is not held. @throws MigrationStopped, ShardUnavailable */
  async generation(order: SessionOrder, above: number): Promise<number> {
    let engine = await this.#open(order)
    for (let bids = 0; engine.generation <= above; bids++) {
      if (bids >= MAX_OUTBIDS)
        throw new Error(
          `pods have seen generation ${above}, the shards only ${engine.generation}: the pods belong to another fleet`,
        )
      await this.#closeEngine()
      engine = await this.#open(order)
    }
    return engine.generation
  }

  /** Works for a while. What ends it early is kept for the next observation. @returns whether there is more to do at once. */
  async work(order: SessionOrder, intent: EngineIntent, signal: AbortSignal): Promise<boolean> {
    try {
      const progress = await (await this.#open(order)).step(intent, WORK_MS, signal)
      this.#stopped = undefined
      this.#fresh = { intent: JSON.stringify(intent), progress }
      return !progress.reached && progress.blocked === undefined
    } catch (error) {
      if (error instanceof ShardUnavailable) return false
      if (error instanceof ShardRefused) {
        this.#stopped = { reason: 'ShardRefused', message: error.message }
        return false
      }
      if (!(error instanceof MigrationStopped)) throw error
      this.#stopped = { reason: error.reason, message: error.message }
      if (error.reason === 'LeaseLost') await this.#closeEngine()
      return false
    }
  }

  feedback(p95Ms: number, limitMs: number): void {
    this.#engine?.feedback({ p95Ms, limitMs })
  }

  /** Gives the lease back and closes all connections. Idempotent. */
  async release(): Promise<void> {
    await this.#closeEngine()
    const controls = [...(this.#controls?.values() ?? [])]
    this.#controls = undefined
    await Promise.allSettled(controls.map((control) => control.close()))
  }

  async #open(order: SessionOrder): Promise<MigrationEngine> {
    const settings = settingsOf(order.spec)
    const key = JSON.stringify([order.migrationId, order.planHash, settings])
    if (this.#engine && this.#engineKey === key) return this.#engine
    await this.#closeEngine()
    const controls = await this.#connect(order)
    this.#engine = await MigrationEngine.open({
      controls,
      spec: this.#specOf(order),
      holder: this.#options.holder,
      settings,
      leaseTtlMs: this.#options.leaseTtlMs,
      onCertificate: this.#options.onCertificate,
      ...(order.planHash === undefined ? {} : { approvedPlan: order.planHash }),
      ...(this.#options.signer ? { signer: this.#options.signer } : {}),
      ...(this.#options.clock ? { clock: this.#options.clock } : {}),
    })
    this.#engineKey = key
    this.#stopped = undefined
    return this.#engine
  }

  async #closeEngine(): Promise<void> {
    const engine = this.#engine
    this.#engine = undefined
    this.#engineKey = ''
    this.#fresh = undefined
    await engine?.close()
  }

  async #connect({ spec }: SessionOrder): Promise<Controls> {
    const addresses = [...spec.sourceShards, ...spec.targetShards].map((address) => parseShardAddress(address.trim()))
    const key = addresses.map((address) => address.url).join('\n')
    if (this.#controls && this.#controlsKey === key) return this.#controls
    await this.release()
    const controls = new Map<ShardId, ShardControl>()
    for (const address of addresses)
      if (!controls.has(address.id)) controls.set(address.id, await this.#options.openControl(address))
    this.#controls = controls
    this.#controlsKey = key
    return controls
  }

  async #hasDocument(order: SessionOrder): Promise<boolean> {
    const descriptions = await describeAll(await this.#connect(order))
    return documentsOf(descriptions).has(order.migrationId as MigrationId)
  }

  async #plan(order: SessionOrder): Promise<EngineObservation> {
    const plan = await planFrom(await this.#connect(order), this.#specOf(order), order.spec.throttleQPS)
    if ('refused' in plan) return { kind: 'unstarted', plan }
    return { kind: 'unstarted', plan: planView(plan) }
  }

  #specOf({ migrationId, spec }: SessionOrder): MigrationSpec {
    const ids = (addresses: readonly string[]) => addresses.map((address) => parseShardAddress(address.trim()).id)
    const { universe } = this.#options
    return {
      id: migrationId as MigrationId,
      from: ids(spec.sourceShards),
      to: ids(spec.targetShards),
      vnodes: spec.vnodes,
      ...(universe && { universe }),
    }
  }

  #view(progress: Progress): RunningView {
    const count = (...states: (keyof Progress['slotsByState'])[]) =>
      states.reduce((sum, state) => sum + (progress.slotsByState[state] ?? 0), 0)
    const atTarget = count('cut', 'sealed', 'cleaned')
    const verified = atTarget + count('verified', 'switching', 'returning')
    const { certificate } = progress
    return {
      phase: progress.phase,
      milestone: progress.milestone,
      reached: progress.reached,
      blocked: progress.blocked,
      message: progress.message,
      slowSlots: progress.slowdown?.slots,
      totalSlots: progress.totalSlots,
      slotsCopied: verified + count('copied'),
      slotsVerified: verified,
      slotsAtTarget: atTarget,
      backlogKeys: progress.backlog.keys,
      lagMs: progress.backlog.lagMs,
      keysCopied: progress.keysCopied,
      totalKeys: progress.totalKeys,
      bytesCopied: progress.bytesCopied,
      keysPerSecond: this.#rate.take(progress.keysCopied, this.#options.now()),
      pastNoReturn: progress.phase === 'Cleanup' || count('sealed', 'cleaned') > 0,
      certificate: certificate && {
        contentId: certificate.contentId,
        issuedAt: new Date(certificate.issuedAtMs).toISOString(),
        slots: certificate.slots,
        keys: certificate.keys,
      },
      outcome: progress.phase === 'Completed' ? 'completed' : progress.phase === 'RolledBack' ? 'rolled-back' : undefined,
    }
  }

  async #explain(error: unknown): Promise<EngineObservation> {
    if (error instanceof ShardUnavailable) return { kind: 'unreachable', message: error.message }
    if (error instanceof FleetUnavailable) return { kind: 'no-fleet', reason: error.reason, message: error.message }
    if (error instanceof MigrationStopped && error.reason === 'LeaseLost') {
      await this.#closeEngine()
      return { kind: 'lease-elsewhere', message: error.message }
    }
    throw error
  }
}

function settingsOf(spec: ShardMigrationSpec): Partial<MigrationSettings> {
  return {
    batchKeys: spec.batchSize,
    throttleQps: spec.throttleQPS,
    soakMs: spec.soakSeconds * 1000,
    settleMs: spec.soakSeconds * 1000,
    maxLagMs: spec.maxLagSeconds * 1000,
    convergeDeadlineMs: spec.progressDeadlineSeconds * 1000,
  }
}

function planView(plan: Plan): Extract<EngineObservation, { kind: 'unstarted' }>['plan'] {
  return {
    hash: plan.planHash,
    slots: plan.slots,
    keys: plan.keys,
    bytes: plan.bytes,
    copySeconds: Math.ceil(plan.copySeconds),
    moves: plan.moves.map((move) => ({
      source: move.source,
      target: move.target,
      slots: move.slots.length,
      keys: move.keys,
      bytes: move.bytes,
    })),
    blastRadiusPercent: Math.round((plan.slots / SLOT_COUNT) * 1000) / 10,
    leaving: plan.leaving,
    warnings: plan.warnings,
  }
}
