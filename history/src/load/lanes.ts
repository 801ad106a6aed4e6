/**
 * The load: lanes that each run one errand after the other. An errand sends several attempts for one key at once, to different pods: either
 * for a new key, so that they race to be its first write, or for a key of any age, so that what was decided then is asked for
 * again after whatever has been killed, cut or moved since. Closed loop, with an upper limit of its rate: a fleet that stalls is not buried in
 * attempts without an outcome, and one that does not has time left for its migrations.
 */

import type { Journal } from '@fractal-lba/demo/agents/journal'
import { seeded } from '@fractal-lba/demo/agents/mix'
import type { ClientLine } from '../format/lines.ts'
import { ATTEMPTS_OF_A_KEY_MAX, type KeyMaker } from './attempts.ts'
import type { LoadOrders, LoadTally } from './orders.ts'
import type { Returned, Sender } from './send.ts'

const NEW_KEY_SHARE = 0.4
const RACERS_MAX = 5
const REVISITS_MAX = 3
/** Of the old keys that are asked for again, those that were made just now. */
const RECENT_SHARE = 0.5
const RECENT_KEYS = 256
/** After an errand that nobody answered: a pod is down, and more attempts would tell nothing. */
const PAUSE_AFTER_NOTHING_MS = 100
/** A pod that has just failed is left alone for a moment where there are others, as clients do. */
const AVOIDED_US = 300_000

export interface LanesParts {
  readonly orders: LoadOrders
  readonly maker: KeyMaker
  readonly sender: Sender
  readonly journal: Journal
  /** Microseconds since the run began. */
  readonly nowUs: () => number
  readonly pause: (ms: number) => Promise<void>
}

export class Lanes {
  readonly #parts: LanesParts
  readonly #random: () => number
  /** Attempts made for each key, by its number. */
  readonly #attemptsOf: number[] = []
  readonly #sum = { operations: 0, accepted: 0, escalated: 0, disputed: 0, unknown: 0, refused: 0 }
  /** By pod: until when it is left alone. */
  readonly #avoidedUntilUs = new Map<string, number>()
  #stopped = false
  #ratePerSecond: number
  /** When the next errand may begin. */
  #dueUs = 0
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(parts: LanesParts) {
    this.#parts = parts
    this.#random = seeded(parts.orders.seed)
    this.#ratePerSecond = parts.orders.ratePerSecond
  }

  pace(ratePerSecond: number): void {
    this.#ratePerSecond = ratePerSecond
  }

  /** Resolves when every lane has ended. */
  async run(): Promise<void> {
    this.#underWay = Promise.all(Array.from({ length: this.#parts.orders.lanes }, () => this.#lane()))
    await this.#underWay
  }

  /** No new errands. Resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#underWay
  }

  tally(done: boolean): LoadTally {
    return { ...this.#sum, keys: this.#attemptsOf.length, done }
  }

  async #lane(): Promise<void> {
    while (!this.#stopped) {
      const answered = await this.#errand()
      if (answered === 0) await this.#parts.pause(PAUSE_AFTER_NOTHING_MS)
    }
  }

  /** @returns how many of its attempts were answered. */
  async #errand(): Promise<number> {
    const old = this.#random() < NEW_KEY_SHARE ? undefined : this.#oldKey()
    const key = old ?? this.#attemptsOf.push(0) - 1
    const racers = 1 + Math.floor(this.#random() * (old === undefined ? RACERS_MAX : REVISITS_MAX))
    const { maker, journal, orders, nowUs } = this.#parts
    const well = orders.pods.filter(({ name }) => (this.#avoidedUntilUs.get(name) ?? 0) <= nowUs())
    const pods = shuffled(well.length > 0 ? well : orders.pods, this.#random)
    const attempts = Array.from({ length: racers }, (_, i) => {
      const number = (this.#attemptsOf[key] as number) + 1
      this.#attemptsOf[key] = number
      const pod = pods[i % pods.length] as LoadOrders['pods'][number]
      const attempt = maker.attempt(key, number)
      const op = `${orders.name}/${key}/${number}`
      const call: ClientLine = { t: 'sent', op, us: 0, pod: pod.name, ...attempt.facts }
      return { pod, attempt, op, call }
    })
    this.#sum.operations += racers
    await this.#turn(racers)
    // Called no later than now: the times are taken before the journal is written, and that is before the first byte leaves.
    const us = nowUs()
    for (const { call } of attempts) journal.note({ ...call, us } as ClientLine)
    journal.flush()
    const answers = await Promise.all(attempts.map((each) => this.#attempt(each)))
    return answers.filter(Boolean).length
  }

  /** Waits until so many attempts fit into the rate. */
  async #turn(attempts: number): Promise<void> {
    const { nowUs, pause } = this.#parts
    const waitUs = this.#dueUs - nowUs()
    this.#dueUs = Math.max(this.#dueUs, nowUs()) + (attempts * 1e6) / this.#ratePerSecond
    if (waitUs > 0) await pause(waitUs / 1000)
  }

  async #attempt({
    pod,
    attempt,
    op,
  }: {
    pod: LoadOrders['pods'][number]
    attempt: { body: string; facts: { key: string; content: string } }
    op: string
  }) {
    const { sender, journal, nowUs } = this.#parts
    const returned = await sender.send(pod.url, attempt.body)
    const { key, content } = attempt.facts
    journal.note(lineOf(returned, { op, us: nowUs(), key, content, pod: pod.name }))
    this.#count(returned)
    if (returned.kind === 'unknown') this.#avoidedUntilUs.set(pod.name, nowUs() + AVOIDED_US)
    return returned.kind === 'answer'
  }

  #count(returned: Returned): void {
    if (returned.kind !== 'answer') this.#sum[returned.kind]++
    else if (!returned.accepted) this.#sum.disputed++
    else if (returned.escalated) this.#sum.escalated++
    else this.#sum.accepted++
  }

  #oldKey(): number | undefined {
    const known = this.#attemptsOf.length
    const from = this.#random() < RECENT_SHARE ? Math.max(0, known - RECENT_KEYS) : 0
    const key = from + Math.floor(this.#random() * (known - from))
    return known > 0 && (this.#attemptsOf[key] as number) + REVISITS_MAX <= ATTEMPTS_OF_A_KEY_MAX ? key : undefined
  }
}

function lineOf(
  returned: Returned,
  of: { readonly op: string; readonly us: number; readonly key: string; readonly content: string; readonly pod: string },
): ClientLine {
  const { op, us, key, content, pod } = of
  switch (returned.kind) {
    case 'answer': {
      const { accepted, escalated, dHat, budget, reason } = returned
      return { t: 'answer', op, us, key, pod, content, accepted, escalated, dHat, budget, reason }
    }
    case 'refused':
      return { t: 'refused', op, us, key, pod, message: returned.message }
    case 'unknown':
      return { t: 'unanswered', op, us, key, content, message: returned.message }
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T]
  }
  return mixed
}
