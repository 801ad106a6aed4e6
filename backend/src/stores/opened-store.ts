/** A dedup store with what the process around it needs to know of its kind. Made by `open-memory.ts` or `open-sharded.ts`. */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { DedupStore } from '../dedup/port.ts'
import type { ApplyResult } from '../dedup/sharded/fleet-membership.ts'
import type { Settlement } from '../wal/port.ts'

export interface OpenedStore {
  readonly store: DedupStore
  /** Whether the log is what the store is rebuilt from, so that records must stand in it and decisions be made in its order. */
  readonly rebuiltFromLog: boolean
  /** Takes decisions that the log holds, while the log is opened. */
  restore(settlements: readonly Settlement[]): void
  /**
   * Makes durable what the store holds beyond the log, where it does. @returns the first log segment that it still needs; infinity where it
   * needs none. Called with the log's current segment, now and then, and at the end (`final`).
   */
  checkpoint(currentSegment: number, final: boolean): Promise<number>
  /** Background work at a slow pace, a few times a second. */
  sweep(): Promise<void>
  readonly fleetConfig: Pick<ConfigPush, 'revision' | 'generation'>
  applyConfig(push: ConfigPush): Promise<ApplyResult>
  shards(): PodReport['shards']
  /** By shard id. */
  slots(): ReadonlyMap<string, readonly number[]>
  acknowledge(shard: string): boolean
}
