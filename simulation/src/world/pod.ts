/**
 * A verifier pod without its sockets: the real pipeline, routing client, retry queue and log over the simulated disk and network. It ends
 * with its process, and is started again from what its disk has.
 */
import { makeReport } from '@fractal-lba/backend/admin/report'
import { type CorePod, startCorePod } from '@fractal-lba/backend/core-pod'
import type { ApplyResult } from '@fractal-lba/backend/dedup/sharded/fleet-membership'
import { Effects } from '@fractal-lba/backend/ingest/effects'
import type { Claim } from '@fractal-lba/backend/ingest/examined'
import type { Examiner } from '@fractal-lba/backend/ingest/examiner'
import { InlineExaminer } from '@fractal-lba/backend/ingest/inline-examiner'
import type { Replies } from '@fractal-lba/backend/ingest/pipeline'
import type { RefusalCode } from '@fractal-lba/backend/ingest/refusals'
import { Counters } from '@fractal-lba/backend/metrics/counters'
import { openShardedStore } from '@fractal-lba/backend/stores/open-sharded'
import type { OpenedStore } from '@fractal-lba/backend/stores/opened-store'
import { Tenants } from '@fractal-lba/backend/tenants/tenants'
import type { Clock } from '@fractal-lba/backend/time/clock'
import { Authenticator } from '@fractal-lba/backend/verify/authenticate'
import type { WalFiles } from '@fractal-lba/backend/wal/files'
import { readLog } from '@fractal-lba/backend/wal/read'
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { NO_POLICIES } from '@fractal-lba/protocol/config/policies'
import { decodeRecord, encodeRecord } from '@fractal-lba/protocol/records/record'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import { SECRET, TENANT } from './corpus.ts'
import type { SimulatedDisk } from './disk.ts'
import type { CallRates } from './faults.ts'
import type { Fleet } from './fleet.ts'
import type { History } from './history.ts'
import type { Endpoint } from './network.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Seen } from './seen.ts'
import type { Variant } from './variant.ts'

export type PodAnswer =
  | { readonly kind: 'decided'; readonly status: number; readonly body: string }
  | { readonly kind: 'refused'; readonly code: RefusalCode }

interface Waiting {
  readonly answer: (answer: PodAnswer) => void
  readonly hangUp: () => void
}

export interface PodParts {
  readonly name: string
  readonly disk: SimulatedDisk
  readonly fleet: Fleet
  readonly vnodes: number
  readonly history: History
  readonly seen: Seen
  readonly variant: Variant
  readonly random: Random
  readonly rates: () => CallRates
  /** What pods that start are to run with; undefined: the shards of `shards`. */
  readonly desired: { push: ConfigPush | undefined }
  readonly shards: readonly string[]
  /** How long decisions about a subject stand. */
  readonly ttlMs: (pcsId: string) => number | undefined
  /** A failure that no fault explains. */
  readonly onUnexplained: (error: unknown) => void
  readonly onBroken: (process: Process) => void
}

const WAL_DIR = '/wal'
/** Small, so that a run sees several segments. */
const SEGMENT_BYTES = 6 * 1024
const STORE_DEADLINE_MS = 800
const KEYS = [{ id: TENANT, keys: [{ algorithm: 'hmac', secret: SECRET } as const] }]

export class SimulatedPod implements Endpoint {
  readonly name: string
  readonly #parts: PodParts
  #process: Process | undefined
  #core: CorePod<Waiting> | undefined
  #opened: OpenedStore | undefined
  #tenants = new Tenants(KEYS, Number.MAX_SAFE_INTEGER, 0)
  #counters = new Counters()
  #startedAtMs = 0
  #lives = 0
  readonly #waiting = new Set<Waiting>()

  constructor(parts: PodParts) {
    this.#parts = parts
    this.name = parts.name
  }

  /** Whether it listens. */
  get alive(): boolean {
    return this.#process?.alive === true && this.#core !== undefined
  }

  get process(): Process | undefined {
    return this.#process
  }

  /** Nothing is left to be done or noted. */
  get settled(): boolean {
    const core = this.#core
    return this.alive && core?.wal.state === 'open' && core.wal.backlogEntries === 0 && core.retries.size === 0
  }

  /** Runs in `process` until that ends. Rejects where it could not start. */
  async start(process: Process): Promise<void> {
    const { disk, fleet, history, variant, random, rates, onUnexplained, onBroken } = this.#parts
    const life = `${this.name}.${++this.#lives}`
    this.#process = process
    this.#core = undefined
    this.#startedAtMs = process.now()
    this.#counters = new Counters()
    this.#tenants = new Tenants(KEYS, Number.MAX_SAFE_INTEGER, process.monotonic())
    const clock: Clock = {
      nowMs: () => process.now(),
      after: (ms, run) => process.after(ms, run),
      soon: (run) => process.soon(run),
    }
    const broken = (error: unknown) => {
      if (!process.alive) return
      if (isDiskError(error)) this.#parts.seen.add('log failed')
      else onUnexplained(error)
      onBroken(process)
    }
    const ours = this.#watched(disk.files(process))
    const opened = await openShardedStore(
      { kind: 'sharded', shards: this.#parts.shards, vnodes: this.#parts.vnodes },
      {
        counters: this.#counters,
        log: { warn: () => undefined, error: () => undefined },
        clock,
        random,
        connect: {
          data: ({ id }) => fleet.data(id, process, rates),
          control: ({ id }) => fleet.control(id, process, rates),
        },
        kept: { read: async () => this.#parts.desired.push, keep: async () => undefined },
        onBroken: broken,
      },
    )
    this.#opened = variant.podStore?.(opened) ?? opened
    const effects = new WatchedEffects(this.#counters, this.#tenants, (claim) => history.effect(life, claim.record))
    const core = await startCorePod<Waiting>({
      pod: this.name,
      walDir: WAL_DIR,
      files: variant.podFiles?.(ours) ?? ours,
      segmentBytes: SEGMENT_BYTES,
      storeDeadlineMs: STORE_DEADLINE_MS,
      opened: this.#opened,
      examiner: new ExpiringExaminer(new InlineExaminer(this.name, new Authenticator(KEYS)), this.#parts.ttlMs),
      effects,
      counters: this.#counters,
      replies: this.#replies(process),
      clock,
      monotonic: () => process.monotonic(),
      pause: (ms, signal) => process.sleep(ms, signal),
      onBroken: broken,
      onMaintenanceFailed: () => undefined,
    })
    await process.whileAlive()
    this.#parts.seen.add('entry run again after a start', core.recovered.unsettledEntries)
    if (core.recovered.tornBytes > 0) this.#parts.seen.add('torn tail cut')
    this.#core = core
  }

  #watched(files: WalFiles): WalFiles {
    return {
      ...files,
      remove: (path) => {
        this.#parts.seen.add('old segment deleted')
        return files.remove(path)
      },
    }
  }

  #replies(process: Process): Replies<Waiting> {
    const say = (waiting: Waiting, answer: PodAnswer) => {
      if (!process.alive) return
      this.#counters.answered(answer.kind === 'decided' ? answer.status : 503)
      this.#waiting.delete(waiting)
      waiting.answer(answer)
    }
    return {
      decided: (waiting, status, body) => say(waiting, { kind: 'decided', status, body }),
      refused: (waiting, code) => say(waiting, { kind: 'refused', code }),
    }
  }

  /** A submission has arrived. Rejects where the process ends first. */
  submit(body: Buffer): Promise<PodAnswer> {
    return new Promise((resolve, reject) => {
      const waiting = { answer: resolve, hangUp: () => reject(new Error('the pod is gone')) }
      const tenant = this.#tenants.find(TENANT)
      if (!this.#core || !tenant) return waiting.hangUp()
      const refusal = this.#core.pipeline.submit(tenant, body, waiting)
      if (refusal) resolve({ kind: 'refused', code: refusal })
      else this.#waiting.add(waiting)
    })
  }

  /** The process has ended. */
  ended(): void {
    this.#count()
    this.#core = undefined
    for (const waiting of this.#waiting) waiting.hangUp()
    this.#waiting.clear()
  }

  #count(): void {
    const { seen } = this.#parts
    const { reroutes, deferred, dedupHits, equivocations } = this.#counters
    seen.add('put sent on to another shard', reroutes)
    seen.add('put left for later', deferred)
    seen.add('duplicate', dedupHits - equivocations)
    seen.add('equivocation', equivocations)
  }

  async report(): Promise<PodReport> {
    const [core, opened, process] = [this.#core, this.#opened, this.#process]
    if (!core || !opened || !process) throw new Error('the pod is gone')
    return makeReport({
      pod: this.name,
      startedAtMs: this.#startedAtMs,
      counters: this.#counters,
      wallClock: () => process.now(),
      notReadyReason: () => core.notReadyReason(),
      draining: () => core.pipeline.draining,
      config: () => opened.fleetConfig,
      shards: () => opened.shards(),
      walBacklog: () => core.wal.backlogEntries,
      policies: () => NO_POLICIES,
      version: 'simulated',
    })
  }

  async applyConfig(push: ConfigPush): Promise<ApplyResult> {
    if (!this.#opened) throw new Error('the pod is gone')
    return await this.#opened.applyConfig(push)
  }

  /** Finishes what is under way and ends. */
  async stop(): Promise<void> {
    await this.#core?.pipeline.drain()
    await this.#core?.stop()
  }

  /** Gives its log to the history. */
  async readLog(disk: SimulatedDisk, reader: Process): Promise<void> {
    for await (const batch of readLog(WAL_DIR, disk.files(reader)))
      for (const record of batch) this.#parts.history.log(this.name, record)
  }
}

class WatchedEffects extends Effects {
  readonly #onWon: (claim: Claim) => void

  constructor(counters: Counters, tenants: Tenants, onWon: (claim: Claim) => void) {
    super(counters, tenants, () => undefined)
    this.#onWon = onWon
  }

  override won(tenant: string, claim: Claim): void {
    super.won(tenant, claim)
    this.#onWon(claim)
  }
}

/** Decisions stand for fourteen days; those about some subjects for seconds, so that a run sees them expire. */
class ExpiringExaminer implements Examiner {
  readonly #ours: Examiner
  readonly #ttlMs: (pcsId: string) => number | undefined

  constructor(ours: Examiner, ttlMs: (pcsId: string) => number | undefined) {
    this.#ours = ours
    this.#ttlMs = ttlMs
  }

  async examine(batch: Parameters<Examiner['examine']>[0]): ReturnType<Examiner['examine']> {
    const findings = await this.#ours.examine(batch)
    return findings.map((finding, index) => {
      const ttlMs = finding.kind === 'claim' ? this.#ttlMs(finding.pcsId) : undefined
      if (finding.kind === 'refused' || ttlMs === undefined) return finding
      const expiresAtMs = (batch[index]?.receivedAtMs ?? 0) + ttlMs
      return { ...finding, expiresAtMs, record: encodeRecord({ ...decodeRecord(finding.record), expiresAtMs }) }
    })
  }

  close(): Promise<void> {
    return this.#ours.close()
  }
}

function isDiskError(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) if ('code' in one && one.code === 'EIO') return true
  return false
}
