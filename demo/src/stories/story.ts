/** What a run consists of, told in order by `reshard.ts` (Redis, Postgres) and `embedded.ts` (memory). */
import type { Agents } from '../fleet/agents.ts'
import type { Pod } from '../fleet/pods.ts'
import type { Watch } from '../fleet/watch.ts'
import type { Options } from '../options.ts'
import type { Events } from '../view/events.ts'
import type { MigrationReading } from '../view/snapshot.ts'

export interface Stage {
  readonly options: Options
  readonly events: Events
  readonly watch: Watch
  readonly agents: Agents
  readonly pods: readonly Pod[]
}

export interface Told {
  /** The last that was heard of the migration; undefined where there was none. */
  readonly migration: MigrationReading | undefined
  /** Nothing of a change is left under way: what the auditor finds at shards that own nothing of it is a finding. */
  readonly settled: boolean
  /** What went otherwise than it should have, each a sentence. */
  readonly problems: readonly string[]
}

export interface Pace {
  /** Seconds of load before anything is changed: so there are records to move, and gates have something to compare with. */
  readonly baselineSeconds: number
  /** Seconds of load after the last change: the fleet must serve as well as before. */
  readonly afterSeconds: number
}

export function paceOf({ brisk }: Options): Pace {
  return brisk ? { baselineSeconds: 2, afterSeconds: 1 } : { baselineSeconds: 6, afterSeconds: 5 }
}

/** Resolves when the load has run for this long. @throws RunEnded when the run ends before. */
export async function loadUntil(watch: Watch, elapsedSeconds: number): Promise<void> {
  await watch.until(({ elapsedMs }) => elapsedMs >= elapsedSeconds * 1000)
}
