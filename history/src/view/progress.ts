/** How far a run is, every so often: one line that is written over on a terminal, and a line now and then elsewhere. */
import type { LoadSum } from '../fleet/load.ts'

export interface Moment extends LoadSum {
  readonly faults: number
  readonly migrations: number
}

export interface Goal {
  readonly operations: number
  readonly seconds: number
}

const LINE_EVERY_MS = { terminal: 500, elsewhere: 10_000 } as const

export class ProgressView {
  readonly #out: NodeJS.WriteStream
  readonly #goal: Goal
  #startedAtMs: number | undefined
  #shownAtMs = Number.NEGATIVE_INFINITY
  #lineIsOpen = false

  constructor(out: NodeJS.WriteStream, goal: Goal) {
    this.#out = out
    this.#goal = goal
  }

  show(moment: Moment): void {
    const nowMs = performance.now()
    if (nowMs - this.#shownAtMs < (this.#out.isTTY ? LINE_EVERY_MS.terminal : LINE_EVERY_MS.elsewhere)) return
    this.#shownAtMs = nowMs
    this.#startedAtMs ??= nowMs
    const text = progressText(moment, this.#goal, (nowMs - this.#startedAtMs) / 1000)
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${text.slice(0, this.#out.columns - 1)}` : `${text}\n`)
    this.#lineIsOpen = this.#out.isTTY
  }

  /** A line of its own, above the progress. */
  say(line: string): void {
    this.end()
    this.#out.write(`${line}\n`)
  }

  end(): void {
    if (this.#lineIsOpen) this.#out.write('\r\x1b[K')
    this.#lineIsOpen = false
  }
}

/** @param seconds since the load began */
export function progressText({ operations, unknown, faults, migrations }: Moment, goal: Goal, seconds: number): string {
  const n = (value: number) => value.toLocaleString('en-US')
  const rate = operations / Math.max(1, seconds)
  const counted = goal.operations > 0 ? Math.min(1, operations / goal.operations) : 1
  const timed = goal.seconds > 0 ? Math.min(1, seconds / goal.seconds) : 1
  const left = Math.max(goal.seconds - seconds, counted < 1 ? (goal.operations - operations) / Math.max(1, rate) : 0, 0)
  return `${Math.floor(Math.min(counted, timed) * 100)} %  ${n(operations)} operations, ${n(Math.round(rate))}/s, ${n(unknown)} with no answer; ${faults} faults, ${migrations} migrations; about ${inWords(left)} left`
}

function inWords(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}
