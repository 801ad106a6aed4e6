/**
 * What lies between two processes: each call takes two turns, and on the way it can be lost before or after it was carried out, arrive much
 * later than its caller believes, twice, or be the last thing that the caller did.
 */
import type { CallFault, CallRates, FaultSource } from './faults.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

/** Whom a call is for. */
export interface Endpoint {
  readonly name: string
  readonly alive: boolean
}

export interface CallOrder<T> {
  readonly from: Process
  readonly to: Endpoint
  readonly rates: CallRates
  readonly perform: () => Promise<T>
  /** What the caller gets where there is no answer. */
  readonly unanswered: (why: string) => Error
}

export class Network {
  readonly #scheduler: Scheduler
  readonly #faults: FaultSource
  readonly #onCrash: (process: Process) => void
  readonly #onFault: (fault: CallFault) => void
  readonly #cut = new Map<string, number>()
  readonly #slow = new Map<string, number>()

  constructor(
    scheduler: Scheduler,
    faults: FaultSource,
    onCrash: (process: Process) => void,
    onFault: (fault: CallFault) => void,
  ) {
    this.#scheduler = scheduler
    this.#faults = faults
    this.#onCrash = onCrash
    this.#onFault = onFault
  }

  /** @returns what mends it. */
  cut(a: string, b: string): () => void {
    const keys = [`${a}>${b}`, `${b}>${a}`]
    for (const key of keys) this.#cut.set(key, (this.#cut.get(key) ?? 0) + 1)
    return () => {
      for (const key of keys) this.#cut.set(key, (this.#cut.get(key) ?? 1) - 1)
    }
  }

  /** Makes each call to `name` take so much longer, until what is returned is called. */
  slow(name: string, ms: number): () => void {
    this.#slow.set(name, ms)
    return () => this.#slow.delete(name)
  }

  async call<T>({ from, to, rates, perform, unanswered }: CallOrder<T>): Promise<T> {
    await from.turn()
    const way = `${from.name}>${to.name}`
    const arrives = () => to.alive && !((this.#cut.get(way) ?? 0) > 0)
    const fault = this.#faults.ofCall(way, rates)
    if (fault) this.#onFault(fault)
    const later = (ms: number) =>
      this.#scheduler.after(ms, () => {
        if (arrives()) perform().catch(() => undefined)
      })
    switch (fault?.kind) {
      case 'crash-after':
      case 'crash-late':
      case 'crash-before':
        if (fault.kind === 'crash-after' && arrives()) perform().catch(() => undefined)
        if (fault.kind === 'crash-late') later(fault.ms)
        this.#onCrash(from)
        await from.whileAlive()
        break
      case 'late':
        later(fault.ms)
        await from.turn()
        throw unanswered('no answer')
      case 'lost-request':
      case 'lost-reply':
        if (fault.kind === 'lost-reply' && arrives()) await perform().catch(() => undefined)
        await (fault.ms > 0 ? from.sleep(fault.ms) : from.turn())
        throw unanswered('connection lost')
      case 'slow':
        await from.sleep(fault.ms)
        break
      case 'twice':
        later(fault.ms)
        break
      default:
    }
    if (!arrives()) {
      await from.turn()
      throw unanswered('it cannot be reached')
    }
    const slowMs = this.#slow.get(to.name)
    if (slowMs !== undefined) await from.sleep(slowMs)
    const result = await settled(perform())
    await from.turn()
    if ((this.#cut.get(way) ?? 0) > 0) throw unanswered('it cannot be reached any more')
    if ('error' in result) throw result.error
    return result.value
  }
}

async function settled<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}
