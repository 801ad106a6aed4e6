/** How far a campaign is: on a terminal one line that is rewritten, elsewhere a plain line every few seconds. Rate and time left are of the whole run. */
import type { Tally } from './campaign.ts'

const TERMINAL_EVERY_MS = 200
const PLAIN_EVERY_MS = 10_000

export interface Goal {
  readonly seeds: number | undefined
  readonly untilMs: number | undefined
}

export class ProgressLine {
  #shownAtMs: number
  #open = false
  readonly #startedAtMs: number
  readonly #goal: Goal
  readonly #output: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly #monotonic: () => number

  constructor(goal: Goal, output: { readonly isTTY?: boolean; write(text: string): unknown }, monotonic: () => number) {
    this.#goal = goal
    this.#output = output
    this.#monotonic = monotonic
    this.#startedAtMs = monotonic()
    this.#shownAtMs = this.#startedAtMs
  }

  show(tally: Tally): void {
    const nowMs = this.#monotonic()
    if (nowMs - this.#shownAtMs < (this.#output.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS)) return
    this.#shownAtMs = nowMs
    const line = progressText(tally, this.#goal, nowMs - this.#startedAtMs, nowMs)
    this.#output.write(this.#output.isTTY ? `\r\x1b[2K${line}` : `${line}\n`)
    this.#open = this.#output.isTTY === true
  }

  /** Ends the line, so that other text can follow. */
  end(): void {
    if (this.#open) this.#output.write('\r\x1b[2K')
    this.#open = false
  }
}

export function progressText({ lives, turns }: Tally, { seeds, untilMs }: Goal, elapsedMs: number, nowMs: number): string {
  const perSecond = (lives / Math.max(1, elapsedMs)) * 1000
  const leftMs = untilMs !== undefined ? untilMs - nowMs : (((seeds ?? lives) - lives) / Math.max(perSecond, 1e-9)) * 1000
  const goal = seeds === undefined ? '' : ` of ${seeds.toLocaleString('en-US')}`
  const percent = seeds === undefined ? '' : `  ${Math.floor((lives / seeds) * 100)} %`
  return `${lives.toLocaleString('en-US')}${goal} seeds${percent}  ${perSecond.toFixed(1)} seeds/s  ${Math.round((turns / Math.max(1, elapsedMs)) * 1000).toLocaleString('en-US')} turns/s  ${durationText(leftMs)} left`
}

export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}
