/** The view for logs and pipes: events as they come, and a line of readings every few seconds. No escape sequences. */
import type { RunEvent } from './events.ts'
import { count, ms, rate } from './frame.ts'
import { slotShares } from './slot-map.ts'
import type { Snapshot } from './snapshot.ts'
import { clock, type View } from './view.ts'

const READINGS_EVERY_MS = 3000

export class LinesView implements View {
  readonly #write: (line: string) => void
  readonly #startedAtMs: number
  #shownAtMs = Number.NEGATIVE_INFINITY
  #phase: string | undefined

  constructor(write: (line: string) => void, startedAtMs: number) {
    this.#write = write
    this.#startedAtMs = startedAtMs
  }

  event({ atMs, level, text }: RunEvent): void {
    const mark = level === 'bad' ? '!! ' : level === 'warning' ? '!  ' : ''
    this.#write(`${clock(atMs - this.#startedAtMs)}  ${mark}${text}`)
  }

  show(snapshot: Snapshot): void {
    const phase = snapshot.migration?.phase
    if (phase === this.#phase && snapshot.elapsedMs - this.#shownAtMs < READINGS_EVERY_MS) return
    this.#phase = phase
    this.#shownAtMs = snapshot.elapsedMs
    this.#write(`${clock(snapshot.elapsedMs)}  ${readings(snapshot)}`)
  }

  close(): void {}
}

function readings({ load, migration, slotOwners }: Snapshot): string {
  const parts = [`${rate(load.requestsPerSecond)} req/s, p95 ${ms(load.p95Ms)}, ${count(load.answered)} answered`]
  if (load.repeated > 0) parts.push(`${count(load.repeated)} repeated`)
  if (load.held > 0) parts.push(`${count(load.held)} held back`)
  if (migration) {
    parts.push(
      `${migration.phase} ${migration.percentage.toFixed(0)} %, ${count(migration.keysCopied)} keys copied, ${rate(migration.keysPerSecond)} keys/s`,
    )
    const gates = migration.gates.map(
      ({ name, outcome, value }) => `${name} ${value === undefined ? '' : `${value.toFixed(1)} `}${outcome}`,
    )
    if (gates.length > 0) parts.push(`gates: ${gates.join(', ')}`)
  }
  if (slotOwners) parts.push(`slots ${slotShares(slotOwners, Math.max(...slotOwners) + 1).join('/')}`)
  return parts.join(' | ')
}
