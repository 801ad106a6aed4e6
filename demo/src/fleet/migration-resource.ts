/**
 * The `ShardMigration` that the demo applies: from the first shard to all three, in steps and with gates as a real one has them, but with
 * windows of seconds, so that a run ends in a minute. Written to the operator's folder as anyone would write it.
 */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'

export const MIGRATION_NAME = 'one-to-three'

export interface MigrationWish {
  readonly backend: 'postgres' | 'redis'
  /** Addresses; the first one owns everything now. */
  readonly shards: readonly string[]
  readonly maxLatencyP95Ms: number
  readonly brisk: boolean
  /** In keys per second; undefined: the usual one. */
  readonly copyCeiling: number | undefined
}

export function migrationManifest({ backend, shards, maxLatencyP95Ms, brisk, copyCeiling }: MigrationWish): object {
  return {
    apiVersion: 'fractal.lba.io/v1',
    kind: 'ShardMigration',
    metadata: { name: MIGRATION_NAME },
    spec: {
      sourceShards: shards.slice(0, 1),
      targetShards: shards,
      dedupBackend: backend,
      batchSize: copyCeiling ? Math.ceil(copyCeiling / 10) : 200,
      // Low enough that the copy takes some seconds and can be watched, and be disturbed.
      throttleQPS: copyCeiling ?? (brisk ? 10_000 : 1000),
      healthGates: { maxLatencyP95: maxLatencyP95Ms, maxErrorRate: 1, minDedupHitRatio: 40 },
      autoRollback: true,
      gates: {
        windowSeconds: brisk ? 1.5 : 3,
        intervalSeconds: brisk ? 0.3 : 0.5,
        minSamples: 50,
        failures: 3,
        of: 5,
        onNoData: 'Hold',
      },
      steps: [1, 10, 50, 100],
      stepSeconds: brisk ? 0.5 : 2,
      soakSeconds: brisk ? 0.5 : 3,
      maxLagSeconds: 2,
      progressDeadlineSeconds: 60,
    },
  }
}

/** Puts the manifest into the folder in one step: the operator never sees half of it. */
export async function applyMigration(dir: string, wish: MigrationWish): Promise<string> {
  const file = join(dir, `${MIGRATION_NAME}.yaml`)
  await writeFile(`${file}.new`, stringify(migrationManifest(wish)), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return file
}
