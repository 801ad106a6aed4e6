/** A log in a directory of its own, on the real disk, whose answers a test can wait for. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../time/clock.ts'
import { type OpenedWal, openWal } from '../open.ts'
import type { DurableEntry, Settlement, WalEntry } from '../port.ts'

/** Time that a test moves; what waits for it runs when it is reached. */
export class TestClock implements Clock {
  #nowMs = 0
  readonly #waiting = new Set<{ readonly atMs: number; readonly run: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#waiting.add(timer)
    return () => this.#waiting.delete(timer)
  }

  soon(run: () => void): void {
    setImmediate(run)
  }

  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of [...this.#waiting]) {
      if (timer.atMs > this.#nowMs) continue
      this.#waiting.delete(timer)
      timer.run()
    }
  }
}

export interface TestWal extends OpenedWal<number> {
  readonly clock: TestClock
  /** One array a group, as `onDurable` got them. */
  readonly groups: (readonly DurableEntry<number>[])[]
  readonly durable: DurableEntry<number>[]
  readonly refused: WalEntry<number>[]
  readonly failures: Error[]
  /** Of all settlements found while opening. */
  readonly restored: Settlement[]
  /** Resolves when `count` entries are durable. */
  untilDurable(count: number): Promise<void>
}

export function makeWalDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'wal-'))
}

export async function openTestWal(
  dir: string,
  options: { pod?: string; segmentBytes?: number; clock?: TestClock } = {},
): Promise<TestWal> {
  const clock = options.clock ?? new TestClock()
  const groups: (readonly DurableEntry<number>[])[] = []
  const durable: DurableEntry<number>[] = []
  const refused: WalEntry<number>[] = []
  const failures: Error[] = []
  const restored: Settlement[] = []
  let wake = () => {}
  const opened = await openWal<number>({
    dir,
    pod: options.pod ?? 'verifier-0',
    segmentBytes: options.segmentBytes ?? 1024 * 1024,
    clock,
    onDurable: (entries) => {
      groups.push(entries)
      durable.push(...entries)
      wake()
    },
    onRefused: (entries) => refused.push(...entries),
    onFailed: (error) => failures.push(error),
    onRecoveredSettlements: (settlements) => {
      for (const { position, result, key, record } of settlements) {
        restored.push({ position, result, key: key && Buffer.from(key), record: record && Buffer.from(record) })
      }
    },
  })
  const untilDurable = async (count: number) => {
    while (durable.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { ...opened, clock, groups, durable, refused, failures, restored, untilDurable }
}

export function entry(id: number, body = `body of ${id}`): WalEntry<number> {
  return { tenant: `tenant-${id % 3}`, body: Buffer.from(body), receivedAtMs: 1_000 + id, context: id }
}

export function settlement(of: DurableEntry<unknown>, result: Settlement['result'] = 'won'): Settlement {
  const decided = result !== 'refused'
  return {
    position: of.position,
    result,
    key: decided ? Buffer.alloc(32, 7) : undefined,
    record: decided ? Buffer.from('record') : undefined,
  }
}

/** The bodies of the unsettled entries, in order. */
export async function unsettledBodies(opened: TestWal): Promise<string[]> {
  const bodies: string[] = []
  for await (const batch of opened.recovered.unsettled) for (const { body } of batch) bodies.push(body.toString())
  return bodies
}
