/** What happened in a run, in order: shown while it runs, kept for the summary. */

export interface RunEvent {
  readonly atMs: number
  readonly level: 'info' | 'good' | 'warning' | 'bad'
  readonly text: string
}

export class Events {
  readonly all: RunEvent[] = []
  readonly #now: () => number
  readonly #listeners: ((event: RunEvent) => void)[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  onEvent(listener: (event: RunEvent) => void): void {
    this.#listeners.push(listener)
  }

  info = (text: string) => this.#add('info', text)
  good = (text: string) => this.#add('good', text)
  warn = (text: string) => this.#add('warning', text)
  bad = (text: string) => this.#add('bad', text)

  #add(level: RunEvent['level'], text: string): void {
    const event = { atMs: this.#now(), level, text }
    this.all.push(event)
    for (const listener of this.#listeners) listener(event)
  }
}
