/**
 * Events of one object as JSON lines (`NAME.events.jsonl`), newest last. The same event again within a while raises the count of its
 * line instead of adding one, so that a state that lasts does not flood the file. Bounded.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replaceFile } from './atomic-file.ts'

export type EventType = 'Normal' | 'Warning'

export interface ObjectEvent {
  readonly type: EventType
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly firstAt: string
  readonly lastAt: string
}

const MAX_EVENTS = 500
/** An event that repeats after this long is news again. */
const AGGREGATION_MS = 600_000

export class EventLog {
  readonly #path: string
  #events: ObjectEvent[] | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Adds or counts an event; calls are made one after the other. */
  record(type: EventType, reason: string, message: string, nowMs: number): Promise<void> {
    const next = this.#last.then(() => this.#record(type, reason, message, nowMs))
    this.#last = next.catch(() => undefined)
    return next
  }

  /** A line that a crash has torn goes before anything is written behind it. */
  async #load(): Promise<ObjectEvent[]> {
    const events = await readEvents(this.#path)
    if (events.length > 0) await replaceFile(this.#path, linesOf(events))
    this.#events = events
    return events
  }

  async #record(type: EventType, reason: string, message: string, nowMs: number): Promise<void> {
    const events = this.#events ?? (await this.#load())
    const lastAt = new Date(nowMs).toISOString()
    const same = events.findLastIndex((event) => event.type === type && event.reason === reason && event.message === message)
    const known = events[same]
    if (known && nowMs - Date.parse(known.lastAt) < AGGREGATION_MS) {
      events.splice(same, 1)
      events.push({ ...known, count: known.count + 1, lastAt })
      await replaceFile(this.#path, linesOf(events))
      return
    }
    const event = { type, reason, message, count: 1, firstAt: lastAt, lastAt }
    events.push(event)
    if (events.length > MAX_EVENTS) {
      events.splice(0, events.length - MAX_EVENTS)
      await replaceFile(this.#path, linesOf(events))
    } else {
      await mkdir(dirname(this.#path), { recursive: true })
      await appendFile(this.#path, linesOf([event]))
    }
  }
}

export async function readEvents(path: string): Promise<ObjectEvent[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.split('\n').flatMap((line) => {
    if (!line) return []
    try {
      return [JSON.parse(line) as ObjectEvent]
    } catch {
      // A crash may leave a torn last line; an event is information, not state.
      return []
    }
  })
}

const linesOf = (events: readonly ObjectEvent[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('')
