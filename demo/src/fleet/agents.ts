/** The agents, as processes: told what to do over their IPC channel, and telling over it how it goes. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Histogram, type HistogramSnapshot } from '@fractal-lba/protocol/telemetry/histogram'
import type { AgentOrders, AgentTally, ToAgent } from '../agents/orders.ts'
import type { Nursery, Running } from '../processes/nursery.ts'
import type { Events } from '../view/events.ts'
import type { LoadReading } from '../view/snapshot.ts'

const AGENT_MAIN = fileURLToPath(new URL('../agents/main.ts', import.meta.url))
const STOP_PATIENCE_MS = 20_000
/** Tallies come every half second; rates are over this many of them. */
const WINDOW_TALLIES = 6

export interface AgentsOptions {
  readonly count: number
  readonly ratePerSecond: number
  readonly dir: string
  readonly orders: Omit<AgentOrders, 'name' | 'tenant' | 'hmacKey' | 'seed' | 'share' | 'ratePerSecond' | 'journal'>
  /** By agent; one tenant each. */
  readonly tenants: readonly { readonly tenant: string; readonly hmacKey: string }[]
}

export class Agents {
  readonly #running: readonly Running[]
  readonly #rate: number
  readonly #tallies = new Map<string, AgentTally[]>()

  constructor(options: AgentsOptions, nursery: Nursery, events: Events) {
    this.#rate = options.ratePerSecond
    this.#running = Array.from({ length: options.count }, (_, i) => {
      const name = `agent-${i + 1}`
      const tenant = options.tenants[i % options.tenants.length]
      if (!tenant) throw new RangeError('agents need a tenant')
      const orders: AgentOrders = {
        ...options.orders,
        ...tenant,
        name,
        seed: i + 1,
        share: { index: i, of: options.count },
        ratePerSecond: options.ratePerSecond / options.count,
        journal: join(options.dir, `${name}.jsonl`),
      }
      const child = nursery.start({
        name,
        file: AGENT_MAIN,
        ipc: true,
        onMessage: (message) => this.#hear(name, message as AgentTally),
      })
      child.ended.then(({ code, signal }) => {
        if (code !== 0) events.bad(`${name} ended by itself (${signal ?? `code ${code}`}); its log: ${child.logFile}`)
      })
      child.send({ kind: 'start', orders } satisfies ToAgent)
      return child
    })
  }

  /** Resolves once each has begun to send, with their data read and windows prepared. */
  async untilSending(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs
    while (this.#tallies.size < this.#running.length) {
      const dead = this.#running.find((child) => !child.alive)
      if (dead) throw new Error(`${dead.name} ended while it was starting; its log: ${dead.logFile}`)
      if (performance.now() > until) throw new Error(`the agents did not begin to send within ${timeoutMs / 1000} s`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  get allAlive(): boolean {
    return this.#running.every((child) => child.alive)
  }

  read(): LoadReading {
    const lasts = [...this.#tallies.values()].flatMap((tallies) => tallies.at(-1) ?? [])
    const sum = (pick: (tally: AgentTally) => number) => lasts.reduce((total, tally) => total + pick(tally), 0)
    let perSecond = 0
    const windows: HistogramSnapshot[] = []
    for (const tallies of this.#tallies.values()) {
      const [first, last] = [tallies[0], tallies.at(-1)]
      if (!first || !last || first === last) continue
      perSecond += ((last.answered - first.answered) * 1000) / (last.atMs - first.atMs)
      windows.push(Histogram.delta(last.latency, first.latency))
    }
    return {
      targetRate: this.#rate,
      requestsPerSecond: perSecond,
      answered: sum((tally) => tally.answered),
      p95Ms: Histogram.quantile(Histogram.merge(...windows), 0.95),
      inFlight: sum((tally) => tally.inFlight),
      repeated: sum((tally) => tally.repeated),
      held: sum((tally) => tally.held),
    }
  }

  /** Over the whole run, from the time an errand was due. */
  get latency(): HistogramSnapshot {
    return Histogram.merge(...[...this.#tallies.values()].flatMap((tallies) => tallies.at(-1)?.latency ?? []))
  }

  /** No new errands; what is under way is waited for, so that journals are complete. */
  async stop(): Promise<void> {
    for (const child of this.#running) child.send({ kind: 'stop' } satisfies ToAgent)
    const late = setTimeout(() => {
      for (const child of this.#running) child.kill()
    }, STOP_PATIENCE_MS)
    await Promise.all(this.#running.map(({ ended }) => ended))
    clearTimeout(late)
  }

  #hear(name: string, tally: AgentTally): void {
    this.#tallies.set(name, [...(this.#tallies.get(name) ?? []).slice(1 - WINDOW_TALLIES), tally])
  }
}
