/**
 * Leader election over a Lease. At most one elector leads at a time, as long as clocks run at about the same speed; their readings are
 * never compared with each other: a standby measures with its own clock since when it has seen no renewal.
 *
 * - The leader stops leading (`signal` aborts, `assertLeading` throws) when it has not renewed within the renew deadline, counted from
 *   before the request that succeeded last. That is earlier than the lease duration after which others may take over.
 * - A paused process notices before it does anything else: `assertLeading` compares clocks each time, it waits for no timer. It goes by
 *   the wall clock or the monotonic one, whichever says that more has passed; a standby goes by the monotonic one alone. So neither a
 *   suspended machine nor a wall clock that someone sets makes two leaders.
 * - `epoch` is the Lease's transitions: strictly greater for each new leader, the same one's next leadership included. Whoever takes
 *   orders refuses lower ones; this is what stops a write that was under way when its leader was deposed.
 * - Stopping ends the leadership first, waits until `lead` has returned, and only then empties the holder, which standbys watch.
 */
import { isConflict, isNotFound } from '../client/api-error.ts'
import type { Clock } from '../clock.ts'
import { acquired, holderOf, type Lease, released, renewed } from './lease-record.ts'
import type { LeaseStore } from './lease-store.ts'

/** As client-go: a lease of 15 s, given up by its holder after 10 s without renewal, renewed and looked at every 2 s. */
const DEFAULT_LEASE_DURATION_MS = 15_000
const DEFAULT_RENEW_DEADLINE_MS = 10_000
const DEFAULT_RETRY_PERIOD_MS = 2_000
/** Standbys add up to this part to the retry period, so that they do not come at the same time. */
const JITTER = 0.2

export interface Leadership {
  readonly epoch: number
  /** Aborts when the leadership ends: finish what cannot be left, begin nothing. */
  readonly signal: AbortSignal
  /**
   * To be called before each effect. While a stop is being awaited the lease is still held, so that work may be brought to a safe end.
   * @throws NotLeading once the lease is lost, or may be.
   */
  assertLeading(): void
}

export class NotLeading extends Error {
  constructor(why: string) {
    super(`this process does not lead: ${why}`)
    this.name = 'NotLeading'
  }
}

export interface LeaderElectorOptions {
  readonly store: LeaseStore
  readonly namespace: string
  readonly name: string
  /** Unique to this process: a restart must not take itself for its predecessor. */
  readonly identity: string
  /** Works until the signal aborts, then returns as soon as it is safe. An exception ends the leadership. */
  readonly lead: (leadership: Leadership) => Promise<void>
  readonly clock: Clock
  /** Milliseconds from any start, never set back. */
  readonly monotonicNow: () => number
  readonly random: () => number
  readonly onError: (doing: string, error: unknown) => void
  /** For the log and metrics. */
  readonly onChange?: (news: 'leading' | 'standby', epoch: number) => void
  readonly leaseDurationMs?: number
  readonly renewDeadlineMs?: number
  readonly retryPeriodMs?: number
}

interface Reading {
  readonly wallMs: number
  readonly monotonicMs: number
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #leadership: (Leadership & { readonly end: (why: string) => void; readonly lose: (why: string) => void }) | undefined
  /** The Lease as last seen, and when it was first seen so. */
  #observed: { lease: Lease | undefined; at: Reading } | undefined

  constructor(options: LeaderElectorOptions) {
    this.#options = options
    this.#leaseDurationMs = options.leaseDurationMs ?? DEFAULT_LEASE_DURATION_MS
    this.#renewDeadlineMs = options.renewDeadlineMs ?? DEFAULT_RENEW_DEADLINE_MS
    this.#retryPeriodMs = options.retryPeriodMs ?? DEFAULT_RETRY_PERIOD_MS
    if (this.#leaseDurationMs <= this.#renewDeadlineMs) throw new Error('the lease must last longer than the renew deadline')
    if (this.#renewDeadlineMs <= this.#retryPeriodMs * (1 + JITTER))
      throw new Error('the renew deadline must leave time for a retry')
  }

  get isLeader(): boolean {
    return this.#leadership !== undefined && !this.#leadership.signal.aborted
  }

  /** Of the present leadership. */
  get epoch(): number | undefined {
    return this.isLeader ? this.#leadership?.epoch : undefined
  }

  /** Who holds the Lease, as last seen; '' for nobody. */
  get holder(): string {
    return this.#observed?.lease ? holderOf(this.#observed.lease) : ''
  }

  start(): void {
    this.#running ??= this.#campaign()
  }

  /** Ends the leadership if there is one, and hands the Lease over. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#leadership?.end('it is stopping')
    await this.#running
  }

  async #campaign(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      let held: { lease: Lease; at: Reading } | undefined
      try {
        held = await this.#within(this.#renewDeadlineMs, signal, (limit) => this.#tryAcquire(limit))
      } catch (error) {
        if (!signal.aborted) this.#options.onError('asking for the leader lease', error)
      }
      if (!held) {
        await this.#standBy()
        continue
      }
      await this.#lead(held.lease, held.at)
      // Whoever could not keep it lets others try first.
      await this.#sleep(this.#retryPeriodMs, signal)
    }
  }

  async #tryAcquire(limit: AbortSignal): Promise<{ lease: Lease; at: Reading } | undefined> {
    const { store, clock, namespace, name, identity } = this.#options
    const present = await store.read(limit)
    this.#observe(present)
    if (present && !this.#isFree(present)) return undefined
    const at = this.#read()
    const wanted = acquired(present, { namespace, name, identity, durationMs: this.#leaseDurationMs, nowMs: clock.now() })
    try {
      const lease = present ? await store.replace(wanted, limit) : await store.create(wanted, limit)
      this.#observe(lease)
      return { lease, at }
    } catch (error) {
      if (!isConflict(error)) throw error
      // Another was quicker: its Lease is the one to watch.
      this.#observe(await store.read(limit))
      return undefined
    }
  }

  /** Nobody's, ours from a try whose answer was lost, or not renewed for its duration by our clock. */
  #isFree(lease: Lease): boolean {
    const holder = holderOf(lease)
    if (holder === '' || holder === this.#options.identity) return true
    const durationMs = Math.max(this.#leaseDurationMs, (lease.spec?.leaseDurationSeconds ?? 0) * 1000)
    return this.#surelyElapsedMs(this.#observed?.at ?? this.#read()) > durationMs
  }

  #observe(lease: Lease | undefined): void {
    const seen = this.#observed?.lease?.metadata
    const same = this.#observed && seen?.uid === lease?.metadata.uid && seen?.resourceVersion === lease?.metadata.resourceVersion
    if (!same) this.#observed = { lease, at: this.#read() }
  }

  /** Waits for a retry period, or until the Lease changes to nobody's. */
  async #standBy(): Promise<void> {
    const { store, clock, random } = this.#options
    const round = new AbortController()
    const end = () => round.abort()
    this.#stop.signal.addEventListener('abort', end, { once: true })
    if (this.#stop.signal.aborted) end()
    const cancel = clock.after(this.#retryPeriodMs * (1 + random() * JITTER), end)
    try {
      const lease = this.#observed?.lease
      const aborted = new Promise<void>((resolve) => {
        if (round.signal.aborted) resolve()
        round.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      // Where watching is not possible, the retry period alone has to do.
      const freed = lease ? store.freed(lease, round.signal).catch(() => aborted) : aborted
      await Promise.race([freed, aborted])
    } finally {
      cancel()
      end()
      this.#stop.signal.removeEventListener('abort', end)
    }
  }

  async #lead(acquiredLease: Lease, acquiredAt: Reading): Promise<void> {
    const { lead, onError, onChange, clock } = this.#options
    const epoch = acquiredLease.spec?.leaseTransitions as number
    const ended = new AbortController()
    let renewedAt = acquiredAt
    let lost: NotLeading | undefined
    const end = (why: string) => {
      if (!ended.signal.aborted) ended.abort(new NotLeading(why))
    }
    const lose = (why: string) => {
      lost ??= new NotLeading(why)
      end(why)
    }
    const assertLeading = () => {
      const sinceMs = this.#elapsedMs(renewedAt)
      if (sinceMs >= this.#renewDeadlineMs) lose(`the lease was not renewed for ${Math.round(sinceMs)} ms`)
      if (lost) throw lost
    }
    const look = () => {
      try {
        assertLeading()
      } catch {
        // The signal says it to everyone.
      }
    }
    let cancelDeadline = clock.after(this.#renewDeadlineMs, look)
    this.#leadership = { epoch, signal: ended.signal, assertLeading, end, lose }
    if (this.#stop.signal.aborted) end('it is stopping')
    onChange?.('leading', epoch)
    const work = (async () => lead({ epoch, signal: ended.signal, assertLeading }))().then(
      () => lose('its work ended'),
      (error) => {
        if (!ended.signal.aborted) onError('leading', error)
        lose('its work failed')
      },
    )
    const lease = await this.#keep(acquiredLease, ended.signal, (at) => {
      renewedAt = at
      cancelDeadline()
      cancelDeadline = clock.after(this.#renewDeadlineMs - this.#elapsedMs(at), look)
    })
    onChange?.('standby', epoch)
    await work
    cancelDeadline()
    this.#leadership = undefined
    if (lease) await this.#release(lease)
  }

  /** Renews until the leadership ends. @returns the Lease if it is still ours. */
  async #keep(first: Lease, signal: AbortSignal, onRenewed: (at: Reading) => void): Promise<Lease | undefined> {
    const { store, clock, onError } = this.#options
    let lease = first
    while (!signal.aborted) {
      await this.#sleep(this.#retryPeriodMs, signal)
      if (signal.aborted) break
      const at = this.#read()
      try {
        const next = renewed(lease, clock.now())
        lease = await this.#within(this.#renewDeadlineMs, signal, (limit) => store.replace(next, limit))
        this.#observe(lease)
        onRenewed(at)
      } catch (error) {
        if (signal.aborted) break
        onError('renewing the leader lease', error)
        if (isConflict(error) || isNotFound(error)) {
          const present = await this.#reread(signal)
          if (present === 'unknown') continue
          this.#observe(present)
          if (
            !present ||
            holderOf(present) !== this.#options.identity ||
            present.spec?.leaseTransitions !== first.spec?.leaseTransitions
          ) {
            this.#leadership?.lose(present ? `the lease is held by ${holderOf(present) || 'nobody'}` : 'the lease was deleted')
            return undefined
          }
          lease = present
        }
      }
    }
    return lease
  }

  async #reread(signal: AbortSignal): Promise<Lease | undefined | 'unknown'> {
    try {
      return await this.#options.store.read(signal)
    } catch {
      return 'unknown'
    }
  }

  /**
   * Does it with a signal that fires with `signal` or after `ms`, whichever is first. Not AbortSignal.timeout: each of those fires in the end, with an
   * error's stack, however long ago its call was answered, and renewals are all that an operator does at rest.
   */
  async #within<T>(ms: number, signal: AbortSignal, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController()
    const cancel = this.#options.clock.after(ms, () => late.abort(new Error(`no answer within ${ms} ms`)))
    try {
      return await work(AbortSignal.any([signal, late.signal]))
    } finally {
      cancel()
    }
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, end)
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
    })
  }

  async #release(held: Lease): Promise<void> {
    const { store, clock, onError, identity } = this.#options
    const limit = AbortSignal.timeout(this.#retryPeriodMs)
    let lease: Lease | undefined = held
    try {
      // Twice, since a renewal whose answer was not waited for may have changed the version.
      for (let tries = 0; lease && tries < 2; tries++) {
        try {
          this.#observe(await store.replace(released(lease, clock.now()), limit))
          return
        } catch (error) {
          if (!isConflict(error)) throw error
          lease = await store.read(limit)
          if (lease && holderOf(lease) !== identity) return
        }
      }
    } catch (error) {
      onError('handing the leader lease over', error)
    }
  }

  #read(): Reading {
    return { wallMs: this.#options.clock.now(), monotonicMs: this.#options.monotonicNow() }
  }

  /** The most that may have passed: by this a leader gives up. */
  #elapsedMs(since: Reading): number {
    const now = this.#read()
    return Math.max(now.wallMs - since.wallMs, now.monotonicMs - since.monotonicMs)
  }

  /** What has passed for sure, whatever someone does to the wall clock: after this a standby takes over. */
  #surelyElapsedMs(since: Reading): number {
    return this.#options.monotonicNow() - since.monotonicMs
  }
}
