/** A whole migration by the command, without the waits that people choose (soak, time between steps), and when each part of it was done. */
import { documentsOf } from '@fractal-lba/migration/document'
import { parseShardList } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { runDedupMigrate } from '../dedup-migrate.ts'
import type { Pod } from '../pod.ts'
import type { Timed } from './side-by-side.ts'
import type { Workbench } from './workbench.ts'

export interface OurRun extends Timed {
  /** Slots that were moved. */
  readonly slots: number
  /** From the start of the command until every record was at its target, or captured to follow. */
  readonly copiedSeconds: number
  /** Until all digests had met for the first time. */
  readonly verifiedSeconds: number
  /** Until the last slot had its new owner. */
  readonly cutOverSeconds: number
  /** Until the command ended: the digests have met again, the certificate is written, the sources' copies are deleted. */
  readonly seconds: number
}

export interface MigrateOptions {
  /** The one that serves meanwhile; without it, whoever writes knows all shards. */
  readonly pod?: Pod
  /** Further ones of the command. */
  readonly options?: readonly string[]
}

export async function migrate(
  bench: Workbench,
  from: readonly string[],
  to: readonly string[],
  { pod, options = [] }: MigrateOptions = {},
): Promise<OurRun> {
  const waits = ['--soak', '0', '--step-seconds', '0']
  const pods = pod ? ['--pods', pod.adminUrl, '--admin-token-file', pod.adminTokenFile] : ['--pods-know-targets']
  const certificate = ['--certificate', `${await bench.folder('certificate')}/certificate.json`]
  const args = ['run', '--from', from.join(','), '--to', to.join(','), ...waits, ...pods, ...certificate, ...options]
  const run = await runDedupMigrate(args, (child) => bench.adopt(child))
  const { id, outcome } = run.report as { id: string; outcome?: string }
  if (outcome !== 'completed') throw new Error(`the migration ended as ${outcome}`)
  const controls = parseShardList([...new Set([...from, ...to])]).map((address) => openShardControl(address))
  try {
    const descriptions = await Promise.all(controls.map((control) => control.describe()))
    const document = [...documentsOf(descriptions).values()].find((one) => one.id === id)
    if (!document?.certificate || !document.copiedAtMs || !document.verifiedAtMs || !document.cutOverAtMs)
      throw new Error(`migration ${id} has completed, and no shard says when it was verified`)
    return {
      keys: document.certificate.keys,
      slots: document.certificate.slots,
      copiedSeconds: (document.copiedAtMs - run.startedAtMs) / 1000,
      verifiedSeconds: (document.verifiedAtMs - run.startedAtMs) / 1000,
      cutOverSeconds: (document.cutOverAtMs - run.startedAtMs) / 1000,
      seconds: run.seconds,
    }
  } finally {
    await Promise.all(controls.map((control) => control.close()))
  }
}

const KEYS_A_READ = 1000

/** How many of these keys none of the shards has. */
export async function missingAt(urls: readonly string[], keys: readonly Buffer[]): Promise<number> {
  const shards = parseShardList(urls).map((address) => openShardData(address))
  let missing = 0
  try {
    for (let at = 0; at < keys.length; at += KEYS_A_READ) {
      const some = keys.slice(at, at + KEYS_A_READ)
      const found = await Promise.all(shards.map((shard) => shard.get(some, Date.now() + 30_000)))
      missing += some.filter((_, index) => found.every((records) => records[index] === undefined)).length
    }
    return missing
  } finally {
    await Promise.all(shards.map((shard) => shard.close()))
  }
}
