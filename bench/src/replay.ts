/**
 * How fast a verifier comes back: a WAL of a million entries, once settled (the memory store is rebuilt from it) and once not (each
 * entry runs through the whole pipeline again), from the start of the process until it listens.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWal } from '@fractal-lba/backend/wal/open'
import type { DurableEntry, Settlement } from '@fractal-lba/backend/wal/port'
import { dedupKey } from '@fractal-lba/protocol/ring/slots'
import { BENCH_HMAC_KEY, benchBody } from './bodies.ts'
import type { Figure, Section } from './measure.ts'
import { startProcess } from './processes.ts'
import { sampleRecord } from './sample-record.ts'

const WANTED_PER_SECOND = 50_000
const POD = 'bench-0'

const afterDelay = (delayMs: number, run: () => void) => {
  const timer = setTimeout(run, delayMs).unref()
  return () => clearTimeout(timer)
}

/** Writes `entries` signed bodies as a verifier's WAL; `settled`: each with its winning record behind it. */
async function writeLog(dir: string, entries: number, settled: boolean): Promise<void> {
  const nowMs = Date.now()
  let durable = 0
  let wake = () => {}
  const settlementOf = ({ position, body }: DurableEntry<undefined>): Settlement => {
    const pcsId = body.toString('latin1').slice(11, 75)
    return { position, result: 'won', key: dedupKey('default', pcsId), record: sampleRecord(0, { pod: POD, ...position }, nowMs) }
  }
  const { wal } = await openWal<undefined>({
    dir,
    pod: POD,
    segmentBytes: 64 * 1024 * 1024,
    clock: { nowMs: Date.now, after: afterDelay, soon: setImmediate },
    onDurable(batch) {
      if (settled) wal.settle(batch.map(settlementOf))
      durable += batch.length
      wake()
    },
    onRefused: () => {
      throw new Error('the disk is full')
    },
    onFailed: (error) => {
      throw error
    },
  })
  for (let n = 0; n < entries; ) {
    for (const until = Math.min(entries, n + 2000); n < until; n++) {
      wal.append({ tenant: 'default', body: Buffer.from(benchBody(n, 'hmac')), receivedAtMs: nowMs, context: undefined })
    }
    await new Promise<void>((resolve) => {
      wake = () => durable >= n && resolve()
      wake()
    })
  }
  await wal.close()
}

async function replayRate(dir: string, entries: number): Promise<number> {
  const started = performance.now()
  const verifier = await startProcess('backend/src/main.ts', {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_POD_NAME: POD,
    FLK_LOG_LEVEL: 'warn',
    PCS_SIGN_ALG: 'hmac',
    PCS_HMAC_KEY: BENCH_HMAC_KEY,
    WAL_DIR: dir,
  })
  const seconds = (performance.now() - started) / 1000
  await verifier.stop()
  return entries / seconds
}

export async function benchReplay(entries: number, say: (line: string) => void): Promise<Section> {
  const scratch = await mkdtemp(join(tmpdir(), 'flk-bench-'))
  try {
    const figures: Figure[] = []
    for (const settled of [true, false]) {
      const dir = join(scratch, settled ? 'settled' : 'unsettled')
      say(`writing a log of ${entries} entries (${settled ? 'settled' : 'not settled'}) ...`)
      await writeLog(dir, entries, settled)
      figures.push({
        name: settled ? 'start on settled entries (store rebuilt)' : 'start on unsettled entries (pipeline run again)',
        value: await replayRate(dir, entries),
        unit: 'entries/s',
        ceiling: { name: 'wanted', value: WANTED_PER_SECOND },
        wanted: { atLeast: 1 },
        note: 'from the start of the process until it listens',
      })
      await rm(dir, { recursive: true })
    }
    return { title: `Start on a WAL of ${entries.toLocaleString('en-US')} entries`, figures }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
