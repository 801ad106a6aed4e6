/**
 * What a pod is without its two ports: the log, the pipeline, the store, and the work behind them, put together, from the recovery of the
 * log to the last settlement. `pod.ts` puts HTTP around it; a simulation puts clients there instead. What starts last stops first.
 */
import type { Effects } from './ingest/effects.ts'
import type { Examiner } from './ingest/examiner.ts'
import { Pipeline, type Replies, type Submission } from './ingest/pipeline.ts'
import { RetryQueue } from './ingest/retry-queue.ts'
import { Maintenance } from './maintenance.ts'
import type { Counters } from './metrics/counters.ts'
import type { OpenedStore } from './stores/opened-store.ts'
import type { Clock } from './time/clock.ts'
import type { WalFiles } from './wal/files.ts'
import { DEFAULT_SEGMENT_BYTES, openWal } from './wal/open.ts'
import type { Recovered, Wal } from './wal/port.ts'

export interface CorePodParts<R> {
  readonly pod: string
  readonly walDir: string
  /** The machine's own disk where not given. */
  readonly files?: WalFiles
  readonly segmentBytes?: number
  readonly storeDeadlineMs: number
  readonly opened: OpenedStore
  readonly examiner: Examiner
  readonly effects: Effects
  readonly counters: Counters
  readonly replies: Replies<R>
  readonly clock: Clock
  /** Monotonic milliseconds. */
  readonly monotonic: () => number
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Something is broken that cannot be repaired here: the process must end at once, without another answer. */
  readonly onBroken: (error: unknown) => void
  readonly onMaintenanceFailed: (what: string, error: unknown) => void
}

export interface CorePod<R> {
  readonly wal: Wal<Submission<R> | undefined>
  readonly pipeline: Pipeline<R>
  readonly retries: RetryQueue
  /** What the start found in the log; all of it has been run again. */
  readonly recovered: Recovered
  /** Why the pod should get no submissions now. */
  notReadyReason(): string | undefined
  /** Call it once the pipeline is drained. */
  stop(): Promise<void>
}

/** @returns once the entries that the log holds unsettled have been run again. @throws BadRecoveryReport, DirectoryInUse */
export async function startCorePod<R>(parts: CorePodParts<R>): Promise<CorePod<R>> {
  const { opened, examiner, effects, counters, replies, storeDeadlineMs, clock, monotonic, onBroken } = parts
  const { store, rebuiltFromLog: recordsInLog } = opened
  const wallClock = () => clock.nowMs()
  const openedWal = await openWal<Submission<R> | undefined>({
    dir: parts.walDir,
    pod: parts.pod,
    segmentBytes: parts.segmentBytes ?? DEFAULT_SEGMENT_BYTES,
    ...(parts.files && { files: parts.files }),
    clock,
    onRecoveredSettlements: (settlements) => opened.restore(settlements),
    onWriting: (batch) => pipeline.onWriting(batch),
    onDurable: (batch) => pipeline.onDurable(batch),
    onRefused: (batch) => pipeline.onRefused(batch),
    onFailed: onBroken,
  })
  const { wal, recovered } = openedWal
  const retries = new RetryQueue({
    store,
    effects,
    settle: (settlements) => wal.settle(settlements),
    deadlineMs: storeDeadlineMs,
    recordsInLog,
    wallClock,
    pause: parts.pause,
    onBroken,
  })
  const pipeline = new Pipeline<R>({
    wal,
    examiner,
    store,
    retries,
    effects,
    counters,
    replies,
    storeDeadlineMs,
    recordsInLog,
    wallClock,
    monotonic,
    onBroken,
  })
  for await (const batch of recovered.unsettled) await pipeline.replay(batch)
  const maintenance = new Maintenance({
    opened,
    log: openedWal,
    currentSegment: () => wal.currentSegment,
    clock,
    onFailed: parts.onMaintenanceFailed,
  })
  return {
    wal,
    pipeline,
    retries,
    recovered,
    notReadyReason() {
      if (pipeline.draining) return 'it drains'
      if (wal.state !== 'open') return `the write-ahead log is ${wal.state}`
      if (retries.full) return 'too many submissions wait for the dedup store'
      return store.notReadyReason
    },
    async stop() {
      await retries.stop()
      await maintenance.stop()
      await examiner.close()
      await wal.close()
      await opened.checkpoint(wal.currentSegment, true)
      await store.close()
    },
  }
}
