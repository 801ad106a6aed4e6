/**
 * Examines on other threads, so that the main one has its time for sockets and the log. A batch is one message to a thread, or one to
 * each where it is large; batches finish in the order in which they were given.
 */
import { Worker } from 'node:worker_threads'
import type { TenantKeys } from '../verify/tenant-keys.ts'
import { decodeFindings, encodeExhibits } from './examine-frames.ts'
import type { Examined } from './examined.ts'
import type { Examiner, Exhibit } from './examiner.ts'

/** Smaller parts are not worth a second message. */
const MIN_PART = 8
const NO_TENANT = 0xffff_ffff

export interface ExamineThreadData {
  readonly pod: string
  readonly tenants: readonly TenantKeys[]
}

interface Batch {
  readonly parts: (readonly Examined[] | undefined)[]
  partsLeft: number
  readonly resolve: (findings: readonly Examined[]) => void
}

interface Thread {
  readonly worker: Worker
  /** Parts sent and not back yet; a thread answers in order. */
  readonly sent: { readonly batch: Batch; readonly part: number }[]
}

export class ThreadExaminer implements Examiner {
  readonly #threads: readonly Thread[]
  readonly #tenantIndexes: ReadonlyMap<string, number>
  /** Batches that are not handed out yet, oldest first. */
  readonly #pending: Batch[] = []
  #closing = false

  /** @param onBroken called when a thread ends or throws by itself; nothing is examined from then on, and the process must end */
  constructor(threads: number, data: ExamineThreadData, onBroken: (error: unknown) => void) {
    this.#tenantIndexes = new Map(data.tenants.map(({ id }, index) => [id, index]))
    this.#threads = Array.from({ length: threads }, () => {
      const worker = new Worker(new URL('./examine-thread.ts', import.meta.url), { workerData: data })
      const thread: Thread = { worker, sent: [] }
      worker.on('message', (bytes: ArrayBuffer) => this.#received(thread, bytes))
      worker.on('error', onBroken)
      worker.on('exit', (code) => {
        if (!this.#closing) onBroken(new Error(`an examining thread ended with code ${code}`))
      })
      return thread
    })
  }

  examine(batch: readonly Exhibit[]): Promise<readonly Examined[]> {
    return new Promise((resolve) => {
      const count = Math.max(1, Math.min(this.#threads.length, Math.floor(batch.length / MIN_PART)))
      const pending: Batch = { parts: new Array(count), partsLeft: count, resolve }
      this.#pending.push(pending)
      for (let part = 0; part < count; part++) {
        const from = Math.floor((batch.length * part) / count)
        const to = Math.floor((batch.length * (part + 1)) / count)
        this.#send(pending, part, count === 1 ? batch : batch.slice(from, to))
      }
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()))
  }

  #send(batch: Batch, part: number, exhibits: readonly Exhibit[]): void {
    let least = this.#threads[0] as Thread
    for (const thread of this.#threads) if (thread.sent.length < least.sent.length) least = thread
    least.sent.push({ batch, part })
    const bytes = encodeExhibits(exhibits, (tenant) => this.#tenantIndexes.get(tenant) ?? NO_TENANT)
    least.worker.postMessage(bytes, [bytes])
  }

  #received(thread: Thread, bytes: ArrayBuffer): void {
    const { batch, part } = thread.sent.shift() as { batch: Batch; part: number }
    batch.parts[part] = decodeFindings(bytes)
    batch.partsLeft--
    while (this.#pending.length > 0 && this.#pending[0]?.partsLeft === 0) {
      const { parts, resolve } = this.#pending.shift() as Batch
      resolve(parts.length === 1 ? (parts[0] as readonly Examined[]) : (parts as (readonly Examined[])[]).flat())
    }
  }
}
