/**
 * Where a run can be given other parts than ours: each is a port of the real code. Tests put plausible bugs there, and see that the
 * simulation finds them.
 */
import type { OpenedStore } from '@fractal-lba/backend/stores/opened-store'
import type { WalFiles } from '@fractal-lba/backend/wal/files'
import type { ApiClient } from '@fractal-lba/operator/kubernetes/custom-objects'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { ShardControl, ShardData } from '@fractal-lba/shards/port'

export interface Variant {
  readonly name: string
  /** Inside a shard: what its two planes do when a call has arrived. */
  readonly shardData?: (ours: ShardData, server: MemoryServer) => ShardData
  readonly shardControl?: (ours: ShardControl, server: MemoryServer) => ShardControl
  /** At the caller: how an engine, or a pod, uses a shard. */
  readonly engineControl?: (ours: ShardControl) => ShardControl
  readonly podData?: (ours: ShardData) => ShardData
  /** In an operator: how it writes its objects. */
  readonly operatorClient?: (ours: ApiClient) => ApiClient
  /** In a pod: its disk, and its store. */
  readonly podFiles?: (ours: WalFiles) => WalFiles
  readonly podStore?: (ours: OpenedStore) => OpenedStore
}

export const OURS: Variant = { name: 'ours' }
