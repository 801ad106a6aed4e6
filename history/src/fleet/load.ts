/** The load processes: told what to do over their IPC channel, and telling over it how it goes. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Nursery, Running } from '@fractal-lba/demo/processes/nursery'
import type { LoadOrders, LoadTally, ToLoad } from '../load/orders.ts'

const LOAD_MAIN = fileURLToPath(new URL('../load/main.ts', import.meta.url))
const PROCESSES = 2
const LANES = 24
const STOP_PATIENCE_MS = 20_000

export type LoadSum = Omit<LoadTally, 'done'>

export class Load {
  readonly #running: readonly Running[]
  readonly #tallies = new Map<string, LoadTally>()

  constructor(
    options: Pick<LoadOrders, 'seed' | 'tenant' | 'hmacKey' | 'pods' | 'zeroUs' | 'ratePerSecond'> & {
      readonly journalDir: string
    },
    nursery: Nursery,
  ) {
    const { journalDir, seed, ratePerSecond, ...shared } = options
    this.#running = Array.from({ length: PROCESSES }, (_, i) => {
      const name = `load-${i + 1}`
      const child = nursery.start({
        name,
        file: LOAD_MAIN,
        ipc: true,
        onMessage: (message) => this.#tallies.set(name, message as LoadTally),
      })
      const orders: LoadOrders = {
        ...shared,
        name,
        seed: seed * PROCESSES + i,
        lanes: LANES,
        ratePerSecond: ratePerSecond / PROCESSES,
        journal: join(journalDir, `${name}.jsonl`),
      }
      child.send({ kind: 'start', orders } satisfies ToLoad)
      return child
    })
  }

  get sum(): LoadSum {
    const of = (pick: (tally: LoadTally) => number) =>
      [...this.#tallies.values()].reduce((total, tally) => total + pick(tally), 0)
    return {
      operations: of((tally) => tally.operations),
      keys: of((tally) => tally.keys),
      accepted: of((tally) => tally.accepted),
      escalated: of((tally) => tally.escalated),
      disputed: of((tally) => tally.disputed),
      unknown: of((tally) => tally.unknown),
      refused: of((tally) => tally.refused),
    }
  }

  /** Why the load is no load any more, if so. */
  get problem(): string | undefined {
    const dead = this.#running.find(({ name, alive }) => !alive && !this.#tallies.get(name)?.done)
    return dead && `${dead.name} ended by itself; its log: ${dead.logFile}`
  }

  pace(ratePerSecond: number): void {
    for (const child of this.#running) child.send({ kind: 'pace', ratePerSecond: ratePerSecond / PROCESSES } satisfies ToLoad)
  }

  /** No new attempts; those under way are waited for, so that journals are complete. */
  async stop(): Promise<void> {
    for (const child of this.#running) child.send({ kind: 'stop' } satisfies ToLoad)
    const late = setTimeout(() => {
      for (const child of this.#running) child.kill()
    }, STOP_PATIENCE_MS)
    await Promise.all(this.#running.map(({ ended }) => ended))
    clearTimeout(late)
  }
}
