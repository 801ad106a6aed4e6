/**
 * Lives many seeds in several threads, in the order of the seeds. A life that never comes back (an endless loop takes no turn, so the life's
 * own bound on turns does not see it) counts as a violation, and its thread is replaced.
 */
import { Worker } from 'node:worker_threads'
import type { LifeReport } from './life.ts'
import type { LifeThreadData } from './life-thread.ts'

/** A life takes some hundredths of a second; on a busy machine some tenths. */
const STUCK_MS = 60_000

export interface ThreadsOptions {
  readonly jobs: number
  readonly mutant?: string | undefined
  /** The next seed; undefined: there are no more. */
  readonly next: () => number | undefined
  readonly onReport: (report: LifeReport) => void
}

/** @returns once every thread has run out of seeds. @throws Error when a thread cannot be started, or ends by itself. */
export async function liveInThreads(options: ThreadsOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.jobs }, () => liveInThread(options)))
}

async function liveInThread({ mutant, next, onReport }: ThreadsOptions): Promise<void> {
  const workerData: LifeThreadData = { mutant }
  const start = () => new Worker(new URL('./life-thread.ts', import.meta.url), { workerData })
  let worker = start()
  try {
    for (let seed = next(); seed !== undefined; seed = next()) {
      const report = await liveAt(worker, seed)
      onReport(report ?? stuck(seed))
      if (report) continue
      await worker.terminate()
      worker = start()
    }
  } finally {
    await worker.terminate()
  }
}

/** @returns undefined when nothing comes back. */
function liveAt(worker: Worker, seed: number): Promise<LifeReport | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => resolve(undefined)), STUCK_MS)
    const onMessage = (report: LifeReport) => settle(() => resolve(report))
    const onError = (error: unknown) => settle(() => reject(error))
    const onExit = (code: number) => settle(() => reject(new Error(`a thread ended with code ${code} in seed ${seed}`)))
    const settle = (how: () => void) => {
      clearTimeout(timer)
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      how()
    }
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
    worker.postMessage(seed)
  })
}

function stuck(seed: number): LifeReport {
  const message = `stuck: nothing came back within ${STUCK_MS / 1000} s`
  return { kind: 'violated', seed, turn: 0, property: 'stuck', message, faults: [] }
}
