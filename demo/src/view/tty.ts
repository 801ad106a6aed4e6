/** The live view of a terminal: events scroll by above a frame that is drawn again in place. */
import { styleText } from 'node:util'
import type { RunEvent } from './events.ts'
import { cut, drawFrame } from './frame.ts'
import type { Snapshot } from './snapshot.ts'
import { clock, type View } from './view.ts'

const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
const ERASE_BELOW = '\x1b[0J'
const COLOURS: Record<RunEvent['level'], 'dim' | 'green' | 'yellow' | 'red'> = {
  info: 'dim',
  good: 'green',
  warning: 'yellow',
  bad: 'red',
}

/** What this view needs of a terminal. */
export interface Terminal {
  readonly columns: number
  write(text: string): void
}

export class TtyView implements View {
  readonly #terminal: Terminal
  readonly #startedAtMs: number
  #frameLines = 0
  #last: readonly string[] = []

  constructor(terminal: Terminal, startedAtMs: number) {
    this.#terminal = terminal
    this.#startedAtMs = startedAtMs
    terminal.write(HIDE_CURSOR)
  }

  event({ atMs, level, text }: RunEvent): void {
    const line = `${styleText('dim', clock(atMs - this.#startedAtMs), { validateStream: false })}  ${styleText(COLOURS[level], text, { validateStream: false })}`
    this.#redraw([line], this.#last)
  }

  show(snapshot: Snapshot): void {
    this.#redraw([], drawFrame(snapshot, this.#terminal.columns))
  }

  close(): void {
    this.#terminal.write(SHOW_CURSOR)
    this.#frameLines = 0
    this.#last = []
  }

  /** One write a redraw: a terminal shows either the old frame or the new one. */
  #redraw(scrolledBy: readonly string[], frame: readonly string[]): void {
    const up = this.#frameLines > 0 ? `\x1b[${this.#frameLines}A` : ''
    const above = scrolledBy.map((line) => `${line}\n`).join('')
    const below = frame.map((line) => `${cut(line, this.#terminal.columns)}\n`).join('')
    this.#terminal.write(`${up}\r${ERASE_BELOW}${above}${below}`)
    this.#frameLines = frame.length
    this.#last = frame
  }
}
