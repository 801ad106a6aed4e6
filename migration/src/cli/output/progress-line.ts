/**
 * What long work shows on stderr: on a terminal one line that is rewritten, with a bar, the rate and the time left; elsewhere a plain line
 * when the phase changes and every few seconds.
 */
import type { Clock } from '../../clock.ts'
import type { Progress } from '../../progress.ts'
import { countText, durationText } from './quantities.ts'

const PLAIN_EVERY_MS = 5000
const BAR_CELLS = 24
/** The rate is that of about the last seconds. */
const RATE_WINDOW_MS = 5000

export class ProgressLine {
  #samples: { readonly atMs: number; readonly keys: number }[] = []
  #shown = { phase: '', atMs: 0 }
  #open = false
  readonly #write: (text: string) => void
  readonly #terminal: boolean
  readonly #clock: Clock

  constructor(output: { write: (text: string) => void; terminal: boolean }, clock: Clock) {
    this.#write = output.write
    this.#terminal = output.terminal
    this.#clock = clock
  }

  show(progress: Progress): void {
    const nowMs = this.#clock.now()
    const line = this.#lineOf(progress, nowMs)
    if (this.#terminal) {
      this.#write(`\r\x1b[2K${line}`)
      this.#open = true
      return
    }
    if (progress.phase === this.#shown.phase && nowMs - this.#shown.atMs < PLAIN_EVERY_MS) return
    this.#shown = { phase: progress.phase, atMs: nowMs }
    this.#write(`${line}\n`)
  }

  /** Ends the line, so that other text can follow. */
  end(): void {
    if (this.#open) this.#write('\n')
    this.#open = false
  }

  #lineOf(progress: Progress, nowMs: number): string {
    const percent = progress.phase === 'Copying' ? progress.copiedPercent : progress.cutoverPercent
    const rate = this.#rateOf(progress.keysCopied + progress.keysFollowed + progress.keysDiscarded, nowMs)
    const left = progress.phase === 'Copying' && rate > 0 ? (progress.totalKeys - progress.keysCopied) / rate : undefined
    return [
      progress.phase.padEnd(11),
      bar(percent),
      `${percent.toFixed(0).padStart(3)} %`,
      `${countText(rate)} keys/s`,
      ...(left === undefined || left <= 0 ? [] : [`${durationText(left * 1000)} left`]),
      `log ${countText(progress.backlog.keys)} keys`,
      progress.message,
    ].join('  ')
  }

  #rateOf(keys: number, nowMs: number): number {
    this.#samples.push({ atMs: nowMs, keys })
    while (this.#samples.length > 2 && nowMs - this.#samples[0]!.atMs > RATE_WINDOW_MS) this.#samples.shift()
    const first = this.#samples[0]!
    return nowMs === first.atMs ? 0 : Math.max(0, ((keys - first.keys) / (nowMs - first.atMs)) * 1000)
  }
}

function bar(percent: number): string {
  const full = Math.round((percent / 100) * BAR_CELLS)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]`
}
