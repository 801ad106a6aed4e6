/** Measures ways to move records, at rest and while others write, and puts them beside each other in a table. */
import type { Table } from '../measure.ts'
import { RATE_PER_SECOND, type UnderLoad, underLoad } from './live-load.ts'
import type { Workbench } from './workbench.ts'
import type { WriterTarget } from './writers.ts'

export interface Timed {
  readonly keys: number
  readonly seconds: number
}

/** Servers with records that can be moved once. */
export interface Scene<Run extends Timed> {
  readonly writers: WriterTarget
  /** Number of a key beyond all that are there. */
  readonly firstKey: number
  run(): Promise<Run>
  /** How many of these keys are not where they should be now. */
  missing(numbers: readonly number[]): Promise<number>
}

export interface Way<Run extends Timed> {
  readonly name: string
  readonly atRest: boolean
  /** Whether the records were compared, and what is left when it ends. */
  readonly verified: string
  readonly leaves: string
  withScene<T>(use: (scene: Scene<Run>) => Promise<T>): Promise<T>
}

export type Measured<Run extends Timed> = Pick<Way<Run>, 'name' | 'verified' | 'leaves'> & {
  /** Nobody else writes. */
  readonly idle: Run | undefined
  readonly loaded: Omit<UnderLoad<Run>, 'written'>
  /** Of the writes that were acknowledged before it ended, how many were not where they should be afterwards. */
  readonly missing: number
}

export const stepsOf = (ways: readonly Way<Timed>[]): number => ways.reduce((sum, { atRest }) => sum + (atRest ? 2 : 1), 0)

export async function measureWay<Run extends Timed>(bench: Workbench, way: Way<Run>): Promise<Measured<Run>> {
  const { name, verified, leaves } = way
  let idle: Run | undefined
  if (way.atRest) {
    bench.step(`${name} ...`)
    idle = await way.withScene((scene) => scene.run())
    bench.note(`${name}: ${rateText(idle)}`)
  }
  bench.step(`${name}, while others write ...`)
  const { loaded, missing } = await way.withScene(async (scene) => {
    const { written, ...loaded } = await underLoad(bench, scene.writers, scene.firstKey, () => scene.run())
    return { loaded, missing: await scene.missing(written) }
  })
  bench.note(`${name}, while others write: ${rateText(loaded.result)}`)
  if (loaded.firstFailure) bench.note(`${name}: ${loaded.failed} writes failed, the first of them: ${loaded.firstFailure}`)
  return { name, verified, leaves, idle, loaded, missing }
}

export const rateOf = ({ keys, seconds }: Timed): number => keys / seconds

const rateText = (timed: Timed) => `${Math.round(rateOf(timed)).toLocaleString('en-US')} keys/s (${timed.seconds.toFixed(1)} s)`
const milliseconds = (ms: number) => ms.toFixed(1)

export function sideBySide(ways: readonly Measured<Timed>[]): Table {
  return {
    head: [
      'way',
      'at rest',
      `under ${RATE_PER_SECOND} writes/s`,
      'p95 of writes before, ms',
      'meanwhile, ms',
      'p99 meanwhile, ms',
      'writes not acknowledged',
      'acknowledged, and missing',
      'digests compared',
      'what is left',
    ],
    rows: ways.map(({ name, idle, loaded, missing, verified, leaves }) => [
      name,
      idle ? rateText(idle) : '',
      rateText(loaded.result),
      milliseconds(loaded.quietP95Ms),
      milliseconds(loaded.p95Ms),
      milliseconds(loaded.p99Ms),
      `${loaded.failed}`,
      `${missing}`,
      verified,
      leaves,
    ]),
  }
}
