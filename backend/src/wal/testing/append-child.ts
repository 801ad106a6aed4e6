/**
 * A process that appends until it is stopped, for tests that kill it or break its system calls: prints `acked 1 2 3` once these are
 * durable, `refused 4`, `failed`, `closed`. Arguments: directory, how many entries, segment size, and optionally a file to remove as
 * soon as the disk is full.
 */
import { rmSync, writeSync } from 'node:fs'
import type { Clock } from '../../time/clock.ts'
import { openWal } from '../open.ts'

const [dir = '', count = '0', segmentBytes = '0', ballast] = process.argv.slice(2)
const total = Number(count)

// The first segment is number 1: the parent names its file to strace.
const clock: Clock = {
  nowMs: () => 0,
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
  soon: setImmediate,
}

function say(word: string, ids: readonly (number | undefined)[] = []): void {
  writeSync(1, `${[word, ...ids].join(' ')}\n`)
}

const { wal, recovered } = await openWal<number | undefined>({
  dir,
  pod: 'verifier-0',
  segmentBytes: Number(segmentBytes),
  clock,
  onDurable: (entries) => {
    say(
      'acked',
      entries.map(({ context }) => context),
    )
    const key = Buffer.alloc(32, 1)
    wal.settle(
      entries
        .filter(({ context = 0 }) => context % 2 === 0)
        .map(({ position }) => ({ position, result: 'won', key, record: key })),
    )
    more()
  },
  onRefused: (entries) => {
    say(
      'refused',
      entries.map(({ context }) => context),
    )
    if (ballast !== undefined) rmSync(ballast, { force: true })
    more()
  },
  onFailed: () => {
    say('failed')
    process.exit(3)
  },
})
say('opened', [recovered.entries])

let next = 0
function more(): void {
  for (let burst = 0; burst < 1 + (next % 7); burst++) {
    if (next >= total) {
      void wal.close().then(() => say('closed'))
      return
    }
    const body = Buffer.from(`${next} `.repeat(100 + (next % 50)))
    if (!wal.append({ tenant: 'tenant', body, receivedAtMs: next, context: next })) {
      setTimeout(more, 10)
      return
    }
    next++
  }
}
more()
