/**
 * Tells people what happens to an object, where they look for it: `kubectl describe`, `kubectl events`. Reporting never waits and never
 * fails; events are written behind, one at a time. Repeats of one report become one event with a count. What the queue or an object's
 * allowance cannot take is dropped and counted.
 */
import { isNotFound } from '../client/api-error.ts'
import type { KubeClient } from '../client/kube-client.ts'
import type { Clock } from '../clock.ts'
import { microTime } from '../micro-time.ts'
import { EVENT, eventOf, namespaceOf, type Report, seriesKey } from './event-object.ts'

/** Writes that may wait; about 2 MB at most. */
const MAX_WAITING = 1_000
/** An object may have so many different events at once, and one more in each of these times. */
const BURST = 25
const REFILL_MS = 10_000
/** Repeats within this time after the last are one event. */
const SERIES_MS = 360_000
/** Series and objects that are remembered. */
const MAX_REMEMBERED = 2_000
/** The count of a series is written at most so often. */
const SERIES_WRITE_MS = 5_000
const WRITE_LIMIT_MS = 10_000
/** Of the object's name in the event's: what a name may have, less the rest. */
const MAX_NAME_CHARACTERS = 200
/** Tries of one write, and the pause between them. */
const MAX_TRIES = 3
const RETRY_MS = 1_000

export interface EventRecorderOptions {
  readonly client: KubeClient
  /** Name of the controller, e.g. `fractal.lba.io/operator`. */
  readonly controller: string
  /** Name of this process, e.g. its pod's. */
  readonly instance: string
  readonly clock: Clock
  readonly random: () => number
  /** An event could not be written. */
  readonly onError: (doing: string, error: unknown) => void
}

interface Series {
  readonly report: Report
  readonly name: string
  readonly namespace: string
  count: number
  lastMs: number
  /** How much of the count the API server has; 0 before the event is created. */
  written: number
  writeDue: boolean
}

interface Allowance {
  left: number
  atMs: number
}

export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #series = new Map<string, Series>()
  readonly #allowances = new Map<string, Allowance>()
  readonly #waiting: Series[] = []
  readonly #timers = new Set<() => void>()
  readonly #stop = new AbortController()
  #writing: Promise<void> | undefined
  #stopping = false
  #dropped = 0
  #sequence = 0
  /** So that two processes never give two events one name. */
  readonly #salt: string

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#salt = Math.floor(options.random() * 2 ** 32).toString(16)
  }

  /** Reports that were dropped. */
  get dropped(): number {
    return this.#dropped
  }

  record(report: Report): void {
    const nowMs = this.#options.clock.now()
    const key = seriesKey(report)
    const present = this.#series.get(key)
    if (present && nowMs - present.lastMs <= SERIES_MS) {
      present.count++
      present.lastMs = nowMs
      // The map is in the order of last reports.
      this.#series.delete(key)
      this.#series.set(key, present)
      if (present.written > 0) this.#writeLater(present)
      return
    }
    this.#forgetOld(nowMs)
    if (this.#stopping || this.#waiting.length >= MAX_WAITING || !this.#allows(report, nowMs)) {
      this.#dropped++
      return
    }
    const series: Series = {
      report,
      name: this.#nameOf(report, nowMs),
      namespace: namespaceOf(report),
      ...{ count: 1, lastMs: nowMs, written: 0, writeDue: true },
    }
    this.#series.set(key, series)
    this.#enqueue(series)
  }

  /** Writes what waits, within the limit, and takes no more. */
  async stop(limitMs = 2_000): Promise<void> {
    this.#stopping = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
    for (const series of this.#series.values()) if (series.written > 0 && series.count > series.written) this.#enqueue(series)
    const cancel = this.#options.clock.after(limitMs, () => this.#stop.abort(new Error('the recorder was stopped')))
    await this.#writing
    cancel()
    this.#stop.abort(new Error('the recorder was stopped'))
  }

  #nameOf({ regarding }: Report, nowMs: number): string {
    const sequence = (this.#sequence++ & 0xffff).toString(16).padStart(4, '0')
    return `${regarding.name.slice(0, MAX_NAME_CHARACTERS)}.${this.#salt}${nowMs.toString(16)}${sequence}`
  }

  #allows(report: Report, nowMs: number): boolean {
    const { uid, namespace, name } = report.regarding
    const key = uid ?? `${namespace}/${name}`
    const allowance = this.#allowances.get(key) ?? { left: BURST, atMs: nowMs }
    const refilled = Math.floor((nowMs - allowance.atMs) / REFILL_MS)
    const left = Math.min(BURST, allowance.left + refilled)
    this.#allowances.delete(key)
    this.#allowances.set(key, { left: Math.max(0, left - 1), atMs: allowance.atMs + refilled * REFILL_MS })
    return left > 0
  }

  /** Both maps are in the order of last reports, and hold what was reported in the last minutes, or less where that is much. */
  #forgetOld(nowMs: number): void {
    for (const [key, series] of this.#series) {
      if (nowMs - series.lastMs <= SERIES_MS && this.#series.size < MAX_REMEMBERED) break
      this.#series.delete(key)
    }
    for (const [key, { atMs }] of this.#allowances) {
      if (nowMs - atMs <= BURST * REFILL_MS && this.#allowances.size < MAX_REMEMBERED) break
      this.#allowances.delete(key)
    }
  }

  #writeLater(series: Series): void {
    if (series.writeDue || this.#stop.signal.aborted) return
    series.writeDue = true
    if (this.#stopping) {
      this.#enqueue(series)
      return
    }
    const cancel = this.#options.clock.after(SERIES_WRITE_MS, () => {
      this.#timers.delete(cancel)
      this.#enqueue(series)
    })
    this.#timers.add(cancel)
  }

  #enqueue(series: Series): void {
    this.#waiting.push(series)
    this.#writing ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // Off the caller's stack.
    await Promise.resolve()
    for (let series = this.#waiting.shift(); series; series = this.#waiting.shift()) {
      try {
        await this.#writeWithRetries(series)
      } catch (error) {
        this.#dropped++
        // The next report is not a repeat of one that nobody has seen.
        if (series.written === 0) this.#series.delete(seriesKey(series.report))
        this.#options.onError(`writing event ${series.report.reason} of ${series.report.regarding.name}`, error)
      }
      series.writeDue = false
      if (series.count > series.written && series.written > 0) this.#writeLater(series)
    }
    this.#writing = undefined
  }

  async #writeWithRetries(series: Series): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#write(series)
      } catch (error) {
        if (tries >= MAX_TRIES || this.#stop.signal.aborted) throw error
        await this.#pause(RETRY_MS * tries)
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#stop.signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, end)
      this.#stop.signal.addEventListener('abort', end, { once: true })
    })
  }

  async #write(series: Series): Promise<void> {
    const { client, controller, instance } = this.#options
    const { report, name, namespace, count, lastMs } = series
    const limits = { signal: this.#stop.signal, timeoutMs: WRITE_LIMIT_MS }
    const counted = count > 1 ? { series: { count, lastObservedTime: microTime(lastMs) } } : {}
    if (series.written > 0) {
      try {
        await client.mergePatch(EVENT, { namespace, name }, counted, limits)
        series.written = count
        return
      } catch (error) {
        // Events are kept for an hour; one that is gone is begun anew.
        if (!isNotFound(error)) throw error
      }
    }
    const event = eventOf(report, { controller, instance, nowMs: lastMs, name })
    await client.create(EVENT, { ...event, ...counted }, limits)
    series.written = count
  }
}
