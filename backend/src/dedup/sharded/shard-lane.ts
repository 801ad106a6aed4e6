/**
 * The way to one shard: gathers what waits into few large calls (group commit again), bounds how many are under way, and knows whether
 * the shard answers. A shard that is gone for a moment makes its puts wait; one that stays gone is found out by pings, and until it is
 * back every put for it is told so at once instead of at its deadline.
 */
import { type PutReply, type ShardData, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Clock } from '../../time/clock.ts'
import { EpochGuard } from './epoch-guard.ts'
import { giveUp, giveUpLate, type WaitingPut } from './waiting-put.ts'

/** Two keep the server busy while one reply is read; more would only make smaller calls. */
export const MAX_CALLS_UNDER_WAY = 2
export const MAX_PUTS_A_CALL = 256
/** A reconnect or a failover within this time is not seen by any client. */
const GRACE_MS = 1_000
const PING_EVERY_MS = 100
const PING_TIMEOUT_MS = 1_000

export interface LaneEvents {
  readonly onReply: (lane: ShardLane, puts: readonly WaitingPut[], reply: PutReply) => void
  readonly onRegressed: (lane: ShardLane, epoch: number) => void
  readonly onReachable: (lane: ShardLane, reachable: boolean, reason: string | undefined) => void
  /** A failure that nobody expects; the process must end. */
  readonly onBroken: (error: unknown) => void
}

export class ShardLane {
  readonly index: number
  readonly epochs = new EpochGuard()
  readonly #data: ShardData
  readonly #events: LaneEvents
  readonly #clock: Clock
  #queue: WaitingPut[] = []
  #underWay = 0
  #downSinceMs: number | undefined
  #downReason = ''
  #closed = false
  #idle: (() => void) | undefined
  #pumpQueued = false

  constructor(index: number, data: ShardData, events: LaneEvents, clock: Clock) {
    this.index = index
    this.#data = data
    this.#events = events
    this.#clock = clock
  }

  get id() {
    return this.#data.id
  }

  get data(): ShardData {
    return this.#data
  }

  get reachable(): boolean {
    return this.#downSinceMs === undefined
  }

  push(waiting: WaitingPut): void {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      giveUp(waiting, refusal)
      return
    }
    this.#queue.push(waiting)
    if (this.#pumpQueued) return
    // Later in this turn: what comes with it goes into the same call.
    this.#pumpQueued = true
    queueMicrotask(() => {
      this.#pumpQueued = false
      this.#pump()
    })
  }

  /** Ends after the calls under way; what is queued is told that it is unavailable. */
  async close(): Promise<void> {
    this.#closed = true
    this.#giveUpQueue(`shard ${this.id} has left the fleet`)
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    }
    await this.#data.close()
  }

  #refusal(): string | undefined {
    if (this.#closed) return `shard ${this.id} has left the fleet`
    if (this.epochs.regressed) return `shard ${this.id} has lost state and waits for someone to look at it`
    if (this.#downSinceMs !== undefined && this.#clock.nowMs() - this.#downSinceMs > GRACE_MS) return this.#downReason
    return undefined
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#underWay < MAX_CALLS_UNDER_WAY && this.reachable) {
      const nowMs = this.#clock.nowMs()
      const call: WaitingPut[] = []
      for (const waiting of this.#queue.splice(0, MAX_PUTS_A_CALL)) {
        if (waiting.deadlineMs > nowMs) call.push(waiting)
        else giveUpLate(waiting, `shard ${this.id} did not get to it in time`)
      }
      if (call.length > 0) this.#call(call)
    }
  }

  #call(puts: readonly WaitingPut[]): void {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const waiting of puts) deadlineMs = Math.min(deadlineMs, waiting.deadlineMs)
    const highestAtSend = this.epochs.highest
    this.#underWay++
    this.#data
      .put(
        puts.map((waiting) => waiting.put),
        deadlineMs,
      )
      .then(
        (reply) => this.#replied(puts, reply, highestAtSend),
        (error) => this.#failed(puts, error),
      )
      .finally(() => {
        this.#underWay--
        if (this.#underWay === 0) this.#idle?.()
        this.#pump()
      })
      .catch((error) => this.#events.onBroken(error))
  }

  #replied(puts: readonly WaitingPut[], reply: PutReply, highestAtSend: number): void {
    const alreadyRegressed = this.epochs.regressed
    if (this.epochs.accept(reply.epoch, highestAtSend)) {
      this.#events.onReply(this, puts, reply)
      return
    }
    const reason = `shard ${this.id} has lost state: it shows ownership change ${reply.epoch} after ${highestAtSend}`
    for (const waiting of puts) giveUp(waiting, reason)
    this.#giveUpQueue(reason)
    if (!alreadyRegressed) this.#events.onRegressed(this, reply.epoch)
  }

  #failed(puts: readonly WaitingPut[], error: unknown): void {
    if (!(error instanceof ShardUnavailable)) throw error
    if (this.#downSinceMs === undefined) {
      this.#downSinceMs = this.#clock.nowMs()
      this.#downReason = error.message
      this.#untilItAnswers().catch((broken) => this.#events.onBroken(broken))
    }
    const nowMs = this.#clock.nowMs()
    const again: WaitingPut[] = []
    for (const waiting of puts) {
      if (waiting.deadlineMs > nowMs && this.#refusal() === undefined) again.push(waiting)
      else giveUp(waiting, error.message)
    }
    this.#queue = [...again, ...this.#queue]
  }

  async #untilItAnswers(): Promise<void> {
    let told = false
    while (!this.#closed && this.#downSinceMs !== undefined) {
      const answers = await this.#data.ping(this.#clock.nowMs() + PING_TIMEOUT_MS).then(
        () => true,
        () => false,
      )
      if (answers) break
      if (!told && this.#clock.nowMs() - this.#downSinceMs > GRACE_MS) {
        told = true
        this.#giveUpQueue(this.#downReason)
        this.#events.onReachable(this, false, this.#downReason)
      }
      await new Promise<void>((resolve) => this.#clock.after(PING_EVERY_MS, resolve))
    }
    this.#downSinceMs = undefined
    if (told) this.#events.onReachable(this, true, undefined)
    this.#pump()
  }

  #giveUpQueue(reason: string): void {
    for (const waiting of this.#queue) giveUp(waiting, reason)
    this.#queue = []
  }
}
