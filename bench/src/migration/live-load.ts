/** Runs something while others write, and says how their latency was before and meanwhile. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { quantile } from '../measure.ts'
import type { LoadOrder, LoadReading } from './load-process.ts'
import type { Workbench } from './workbench.ts'
import type { WriterTarget } from './writers.ts'

export const RATE_PER_SECOND = 500
const WARM_UP_MS = 2000
const BASELINE_MS = 6000
const END_PATIENCE_MS = 15_000

export interface UnderLoad<T> {
  readonly result: T
  readonly quietP95Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Numbers of the keys that were acknowledged as written before or while it ran. */
  readonly written: readonly number[]
  readonly failed: number
  readonly firstFailure: string | undefined
}

/** @param firstKey number of a key beyond all that are there. */
export async function underLoad<T>(
  bench: Workbench,
  target: WriterTarget,
  firstKey: number,
  run: () => Promise<T>,
): Promise<UnderLoad<T>> {
  const order: LoadOrder = { target, ratePerSecond: RATE_PER_SECOND, firstKey }
  const child = fork(join(import.meta.dirname, 'load-process.ts'), [JSON.stringify(order)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    detached: true,
  })
  bench.adopt(child)
  const exited = once(child, 'exit')
  const answer = async () => {
    const got = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
    if (!got) throw new Error('the process that writes has ended')
    return got[0] as unknown
  }
  const mark = async () => {
    child.send('mark')
    return (await answer()) as LoadReading
  }
  try {
    await answer()
    await after(WARM_UP_MS)
    const warming = await mark()
    await after(BASELINE_MS)
    const quiet = await mark()
    const result = await run()
    const busy = await mark()
    const readings = [warming, quiet, busy]
    return {
      result,
      quietP95Ms: quantile(quiet.latenciesMs, 0.95),
      p95Ms: quantile(busy.latenciesMs, 0.95),
      p99Ms: quantile(busy.latenciesMs, 0.99),
      written: readings.flatMap(({ written }) => written),
      failed: readings.reduce((sum, { failed }) => sum + failed, 0),
      firstFailure: readings.find(({ firstFailure }) => firstFailure !== undefined)?.firstFailure,
    }
  } finally {
    if (child.connected) child.send('end')
    const impatient = setTimeout(() => child.kill('SIGKILL'), END_PATIENCE_MS)
    await exited
    clearTimeout(impatient)
  }
}
