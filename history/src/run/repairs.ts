/**
 * Repairs of shards that may lose what they acknowledged, by the command that people have for it, beside live verifiers: right after a
 * server was started again, and once more in the end. What was decided again before a repair could be made is named, and is the one thing that
 * may be wrong with a history of such a fleet.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Pod } from '@fractal-lba/demo/fleet/pods'
import type { Events } from '@fractal-lba/demo/view/events'
import type { Shard } from '../fleet/shards.ts'

const REPAIR_MAIN = fileURLToPath(new URL('../../../backend/src/repair/main.ts', import.meta.url))
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024
const [WHOLE, NOT_WHOLE] = [0, 1]
/** Pods, proxies and servers may be down at any moment of a run. */
const TRIES = 10
const AGAIN_AFTER_MS = 1000

/** Of what the command prints. */
interface Report {
  readonly winners: number
  readonly repaired: readonly { readonly key: string }[]
  readonly decidedAgain: readonly { readonly key: string }[]
  readonly altered: readonly unknown[]
  readonly unowned: readonly unknown[]
}

export interface RepairSum {
  readonly repairs: number
  /** Decisions that were gone and are there again, each time they were. */
  readonly repairedDecisions: number
  /** Decided again before they were repaired: two answers may have been given. */
  readonly keysDecidedAgain: ReadonlySet<string>
}

export class Repairs {
  readonly #shards: readonly Shard[]
  readonly #pods: readonly Pod[]
  readonly #events: Events
  readonly #decidedAgain = new Set<string>()
  #repairs = 0
  #repaired = 0
  #last: Promise<void> = Promise.resolve()

  constructor(shards: readonly Shard[], pods: readonly Pod[], events: Events) {
    this.#shards = shards
    this.#pods = pods
    this.#events = events
  }

  get sum(): RepairSum {
    return { repairs: this.#repairs, repairedDecisions: this.#repaired, keysDecidedAgain: this.#decidedAgain }
  }

  /** One after the other. */
  make(why: string): Promise<void> {
    this.#last = this.#last.then(() => this.#make(why))
    return this.#last
  }

  async #make(why: string): Promise<void> {
    const report = await this.#run()
    this.#repairs++
    this.#repaired += report.repaired.length
    const before = this.#decidedAgain.size
    for (const { key } of report.decidedAgain) this.#decidedAgain.add(key)
    this.#events.info(
      `repair (${why}): of ${report.winners} decisions ${report.repaired.length} were lost and are back, ${this.#decidedAgain.size - before} had been decided again`,
    )
    const odd = report.altered.length + report.unowned.length
    if (odd > 0)
      this.#events.bad(`the repair found ${report.altered.length} altered records and ${report.unowned.length} without an owner`)
  }

  async #run(): Promise<Report> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#runOnce()
      } catch (error) {
        if (tries === TRIES) throw error
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
      }
    }
  }

  #runOnce(): Promise<Report> {
    const args = ['--shards', this.#shards.map(({ url }) => url).join(), '--wals', this.#pods.map(({ walDir }) => walDir).join()]
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [REPAIR_MAIN, ...args, '--output', 'json'],
        { maxBuffer: OUTPUT_BYTES_MAX },
        (error, stdout, stderr) => {
          const code = error ? error.code : WHOLE
          if (code === WHOLE || code === NOT_WHOLE) resolve(JSON.parse(stdout) as Report)
          else reject(new Error(`the repair ended with ${code}: ${stderr.trim().slice(-500)}`))
        },
      )
    })
  }
}
