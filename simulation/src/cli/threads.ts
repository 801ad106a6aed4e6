/**
 * Lives many lives in several threads, in the order in which they are given out. A life that never comes back (an endless loop takes no
 * turn, so the life's own bound on turns does not see it) counts as a violation, and its thread is replaced.
 */
import { Worker } from 'node:worker_threads'
import type { LifeReport } from './life.ts'
import type { Order } from './life-thread.ts'

/** A life takes some tenths of a second; on a busy machine some seconds. */
const STUCK_MS = 120_000

export interface ThreadsOptions {
  readonly jobs: number
  /** The next life; undefined: there are no more. */
  readonly next: () => Order | undefined
  readonly onReport: (report: LifeReport, order: Order) => void
}

/** @returns once every thread has run out of lives. @throws Error when a thread cannot be started, or ends by itself. */
export async function liveInThreads(options: ThreadsOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.jobs }, () => liveInThread(options)))
}

async function liveInThread({ next, onReport }: ThreadsOptions): Promise<void> {
  const start = () => new Worker(new URL('./life-thread.ts', import.meta.url))
  let worker = start()
  try {
    for (let order = next(); order !== undefined; order = next()) {
      const report = await liveAt(worker, order)
      onReport(report ?? stuck(order.seed), order)
      if (report) continue
      await worker.terminate()
      worker = start()
    }
  } finally {
    await worker.terminate()
  }
}

/** @returns undefined when nothing comes back. */
function liveAt(worker: Worker, order: Order): Promise<LifeReport | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => resolve(undefined)), STUCK_MS)
    const onMessage = (report: LifeReport) => settle(() => resolve(report))
    const onError = (error: unknown) => settle(() => reject(error))
    const onExit = (code: number) => settle(() => reject(new Error(`a thread ended with code ${code} in seed ${order.seed}`)))
    const settle = (how: () => void) => {
      clearTimeout(timer)
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      how()
    }
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
    worker.postMessage(order)
  })
}

function stuck(seed: number): LifeReport {
  const message = `stuck: nothing came back within ${STUCK_MS / 1000} s`
  return { kind: 'violated', seed, turn: 0, property: 'stuck', message, faults: [] }
}
