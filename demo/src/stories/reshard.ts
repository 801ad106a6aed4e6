/** The main story: under load, a `ShardMigration` takes the slots from one shard to three, whatever the fault. */
import { FAULTS_BY_NAME } from '../faults/faults.ts'
import { applyMigration, MIGRATION_NAME } from '../fleet/migration-resource.ts'
import type { Operator } from '../fleet/operator.ts'
import type { Shard } from '../fleet/shards.ts'
import { RunEnded } from '../fleet/watch.ts'
import type { MigrationReading } from '../view/snapshot.ts'
import { loadUntil, paceOf, type Stage, type Told } from './story.ts'

/** A migration that has not ended by then is a failure of the run. */
const MIGRATION_PATIENCE_SECONDS = 300

export interface ReshardStage extends Stage {
  readonly backend: 'postgres' | 'redis'
  readonly shards: readonly Shard[]
  readonly operator: Operator
}

export async function tellReshard(stage: ReshardStage, loadStartedAtSeconds: number): Promise<Told> {
  const { options, events, watch, pods, shards, operator, backend } = stage
  const fault = options.fault && FAULTS_BY_NAME[options.fault]
  const expected = fault?.expectedEnd ?? 'Completed'
  const { baselineSeconds, afterSeconds } = paceOf(options)
  const problems: string[] = []
  let last: MigrationReading | undefined

  await loadUntil(watch, loadStartedAtSeconds + baselineSeconds)
  const manifest = await applyMigration(operator.dir, {
    name: MIGRATION_NAME,
    backend,
    sources: shards.slice(0, 1).map(({ url }) => url),
    targets: shards.map(({ url }) => url),
    maxLatencyP95Ms: options.p95Gate,
    brisk: options.brisk,
    copyCeiling: fault?.copyPerSubmission && Math.ceil(options.rate * fault.copyPerSubmission),
  })
  events.info(
    `applied ${manifest}: ${shards[0]?.name} gives slots to ${shards
      .slice(1)
      .map(({ name }) => name)
      .join(' and ')}`,
  )
  const struck = fault
    ?.strike({ pods, operator, shards, events, p95GateMs: options.p95Gate, until: (holds) => watch.until(holds) })
    .then(() => undefined)
    .catch((error: Error) =>
      error instanceof RunEnded
        ? `the fault ${options.fault} never came to its end: ${error.message}`
        : `the fault ${options.fault}: ${error.message}`,
    )

  const appliedAtMs = performance.now()
  await watch.until(({ migration }) => {
    last = migration ?? last
    return migration?.ended !== undefined || performance.now() - appliedAtMs > MIGRATION_PATIENCE_SECONDS * 1000
  })
  const seconds = ((performance.now() - appliedAtMs) / 1000).toFixed(0)
  if (last?.ended === undefined)
    problems.push(
      `the migration has not ended after ${seconds} s: it is in phase ${last?.phase ?? 'none'} and says "${last?.message ?? ''}"`,
    )
  else if (last.ended !== expected) problems.push(`the migration ended as ${last.ended}, not as ${expected}: "${last.message}"`)
  else
    events.good(`the migration is ${last.ended === 'Completed' ? 'completed' : 'rolled back'}, ${seconds} s after it was applied`)

  const until = Math.max((performance.now() - appliedAtMs) / 1000 + baselineSeconds + afterSeconds, options.durationSeconds ?? 0)
  await loadUntil(watch, loadStartedAtSeconds + until)
  await watch.end('the run is over')
  const failed = await struck
  if (failed) problems.push(failed)
  return { migration: last, settled: last?.ended !== undefined && last.ended !== 'Failed', problems }
}
