/**
 * The `ShardMigration`s that the demo applies: in steps and with gates as real ones have them, but with windows of seconds, so that
 * a run ends in a minute. Written to the operator's folder as anyone would write them.
 */
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** The one of the demo itself: from the first shard to all three. */
export const MIGRATION_NAME = 'one-to-three'

export interface MigrationWish {
  readonly name: string
  readonly backend: 'postgres' | 'redis'
  /** Addresses of those that own everything now. */
  readonly sources: readonly string[]
  readonly targets: readonly string[]
  readonly maxLatencyP95Ms: number
  /** In per cent; 1 and 40 by default. */
  readonly maxErrorRate?: number
  readonly minDedupHitRatio?: number
  /** 2 and 60 by default. */
  readonly maxLagSeconds?: number
  readonly progressDeadlineSeconds?: number
  readonly brisk: boolean
  /** In keys per second; undefined: the usual one. */
  readonly copyCeiling: number | undefined
}

export function migrationManifest(wish: MigrationWish): object {
  const { name, backend, sources, targets, maxLatencyP95Ms, maxErrorRate = 1, minDedupHitRatio = 40, brisk, copyCeiling } = wish
  const { maxLagSeconds = 2, progressDeadlineSeconds = 60 } = wish
  return {
    apiVersion: 'fractal.lba.io/v1',
    kind: 'ShardMigration',
    metadata: { name },
    spec: {
      sourceShards: sources,
      targetShards: targets,
      dedupBackend: backend,
      batchSize: copyCeiling ? Math.ceil(copyCeiling / 10) : 200,
      // Low enough that the copy takes some seconds and can be watched, and be disturbed.
      throttleQPS: copyCeiling ?? (brisk ? 10_000 : 1000),
      healthGates: { maxLatencyP95: maxLatencyP95Ms, maxErrorRate, minDedupHitRatio },
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
      maxLagSeconds,
      progressDeadlineSeconds,
    },
  }
}

/** Puts the manifest into the folder in one step: the operator never sees half of it. */
export async function applyMigration(dir: string, wish: MigrationWish): Promise<string> {
  const file = join(dir, `${wish.name}.yaml`)
  await writeFile(`${file}.new`, stringify(migrationManifest(wish)), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return file
}

/** Takes the manifest away: what is under way is undone, and what has ended is forgotten. */
export async function withdrawMigration(dir: string, name: string): Promise<void> {
  await rm(join(dir, `${name}.yaml`), { force: true })
}
