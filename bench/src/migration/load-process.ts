/**
 * An open loop of writes in a process of its own: each leaves at its appointed time whether or not earlier ones were answered, and its latency
 * counts from that time. Told `mark` by its parent it hands over what it has measured since the last mark, told `end` it stops.
 */
import { setTimeout as after } from 'node:timers/promises'
import { openWriter, type WriterTarget } from './writers.ts'

export interface LoadOrder {
  readonly target: WriterTarget
  readonly ratePerSecond: number
  /** Number of the first key: beyond those that are there already. */
  readonly firstKey: number
}

export interface LoadReading {
  /** Of those without an acknowledgement too. */
  readonly latenciesMs: readonly number[]
  /** Numbers of the keys that were acknowledged as written. */
  readonly written: readonly number[]
  readonly failed: number
  readonly firstFailure?: string
}

const POLL_MS = 2
const order = JSON.parse(process.argv[2] ?? '') as LoadOrder
const writer = await openWriter(order.target)
const started = performance.now()
let reading = emptyReading()
let sent = 0
let underWay = 0

function emptyReading() {
  return {
    sent: 0,
    latenciesMs: [] as number[],
    written: [] as number[],
    failed: 0,
    firstFailure: undefined as string | undefined,
  }
}

async function send(index: number): Promise<void> {
  const into = reading
  const key = order.firstKey + index
  into.sent++
  underWay++
  try {
    await writer.write(key)
    into.written.push(key)
  } catch (error) {
    into.failed++
    into.firstFailure ??= (error as Error).message
  }
  underWay--
  into.latenciesMs.push(performance.now() - started - (index / order.ratePerSecond) * 1000)
}

const pace = setInterval(() => {
  const due = Math.floor(((performance.now() - started) / 1000) * order.ratePerSecond)
  while (sent < due) void send(sent++)
}, 1)

/** What was sent before the mark belongs to the reading before it, so it is waited for; what is sent meanwhile belongs to the next. */
async function mark(): Promise<void> {
  const before = reading
  reading = emptyReading()
  while (before.latenciesMs.length < before.sent) await after(POLL_MS)
  const { latenciesMs, written, failed, firstFailure } = before
  process.send?.({ latenciesMs, written, failed, ...(firstFailure !== undefined && { firstFailure }) } satisfies LoadReading)
}

process.on('message', async (word) => {
  if (word === 'mark') return await mark()
  clearInterval(pace)
  while (underWay > 0) await after(POLL_MS)
  await writer.close()
  process.exit(0)
})
process.once('disconnect', () => process.exit(1))
process.send?.('ready')
