/** How a migration stands, for whoever only wants to know: needs no lease and changes nothing. */
import type { MigrationId } from '@fractal-lba/shards/port'
import type { Clock } from './clock.ts'
import { decide } from './decide.ts'
import { type Controls, type MigrationView, observe } from './observe.ts'
import { Measurements } from './phases/measurements.ts'
import { describeProgress, type Progress } from './progress.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

export async function inspect(
  controls: Controls,
  migration: MigrationId,
  clock: Clock,
): Promise<{ view: MigrationView; progress: Progress }> {
  const view = await observe(controls, migration)
  const decision = decide({
    view,
    intent: { kind: 'pause' },
    settings: DEFAULT_SETTINGS,
    nowMs: clock.now(),
    behindSinceMs: undefined,
  })
  const counted = { maxLagMs: DEFAULT_SETTINGS.maxLagMs, rate: Number.POSITIVE_INFINITY, measured: new Measurements() }
  return { view, progress: describeProgress(view, decision, counted) }
}
