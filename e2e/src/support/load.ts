/** Agents of the demo, as processes of this machine, that submit to a Service of the cluster and keep journals of all they were told. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AgentOrders, AgentTally, ToAgent } from '@fractal-lba/demo/agents/orders'
import { until } from './until.ts'

const AGENT_MAIN = fileURLToPath(import.meta.resolve('@fractal-lba/demo/agents/main'))
const STOP_PATIENCE_MS = 60_000

export interface LoadOptions {
  /** Where journals and logs go. */
  readonly dir: string
  readonly url: string
  readonly hmacKey: string
  readonly agents: number
  readonly ratePerSecond: number
}

export interface LoadTotals {
  readonly answered: number
  readonly refused: number
  readonly unanswered: number
  /** Submissions that were not answered at the first try. */
  readonly repeated: number
}

export class Load {
  readonly #children: readonly ChildProcess[]
  readonly #tallies = new Map<number, AgentTally>()
  readonly journals: string

  private constructor(options: LoadOptions) {
    this.journals = options.dir
    this.#children = Array.from({ length: options.agents }, (_, index) => {
      const name = `agent-${index + 1}`
      const log = openSync(join(options.dir, `${name}.log`), 'a')
      const child = fork(AGENT_MAIN, [], { stdio: ['ignore', log, log, 'ipc'], execArgv: [] })
      child.on('message', (tally: AgentTally) => this.#tallies.set(index, tally))
      const orders: AgentOrders = {
        name,
        tenant: 'default',
        hmacKey: options.hmacKey,
        pods: [{ name: 'service', url: options.url }],
        ratePerSecond: options.ratePerSecond / options.agents,
        seed: index + 1,
        share: { index, of: options.agents },
        journal: join(options.dir, `${name}.jsonl`),
      }
      child.send({ kind: 'start', orders } satisfies ToAgent)
      return child
    })
  }

  /** Resolves once every agent has had its first answers. */
  static async start(options: LoadOptions): Promise<Load> {
    await mkdir(options.dir, { recursive: true })
    const load = new Load(options)
    await until('agents that are answered', 60_000, async () => {
      const dead = load.#children.find((child) => child.exitCode !== null)
      if (dead) throw new Error(`an agent ended while it was starting; see the logs in ${options.dir}`)
      return load.#tallies.size === options.agents && load.totals.answered > 0 ? load.totals : 'no answers'
    })
    return load
  }

  get totals(): LoadTotals {
    const sum = (pick: (tally: AgentTally) => number) =>
      [...this.#tallies.values()].reduce((total, tally) => total + pick(tally), 0)
    return {
      answered: sum((tally) => tally.answered),
      refused: sum((tally) => tally.refused),
      unanswered: sum((tally) => tally.unanswered),
      repeated: sum((tally) => tally.repeated),
    }
  }

  /** No new submissions; waits for those under way, so that the journals are complete. */
  async stop(): Promise<LoadTotals> {
    const ended = this.#children.map((child) => (child.exitCode === null ? once(child, 'exit') : Promise.resolve()))
    for (const child of this.#children) if (child.connected) child.send({ kind: 'stop' } satisfies ToAgent)
    const late = setTimeout(() => {
      for (const child of this.#children) child.kill('SIGKILL')
    }, STOP_PATIENCE_MS)
    await Promise.all(ended)
    clearTimeout(late)
    return this.totals
  }
}
