/** Which shards the pods are told about, and when: all of both sides while anything moves, the owners alone before and after. */
import { type FleetConfig, MAX_SLOWDOWN_MS, revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { parseShardAddress } from '@fractal-lba/shards/address'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { Draft } from './draft.ts'
import type { Observed } from './observed.ts'

export type ShardSet = 'sources' | 'union' | 'targets'

export interface Slowdown {
  readonly slots: readonly number[]
  readonly delayMs: number
}

export function configOf(spec: ShardMigrationSpec, set: ShardSet, slowdown?: Slowdown): FleetConfig {
  const shards = shardsOf(spec, set)
  if (!slowdown || slowdown.delayMs <= 0) return { shards }
  return {
    shards,
    slowdown: { slots: slowdown.slots as readonly SlotId[], delayMs: Math.min(MAX_SLOWDOWN_MS, slowdown.delayMs) },
  }
}

/** By id: the same server written in two ways is one shard. */
function shardsOf(spec: ShardMigrationSpec, set: ShardSet): string[] {
  const addresses =
    set === 'sources' ? spec.sourceShards : set === 'targets' ? spec.targetShards : [...spec.sourceShards, ...spec.targetShards]
  const byId = new Map<string, string>()
  for (const address of addresses) {
    const { id, url } = parseShardAddress(address.trim())
    if (!byId.has(id)) byId.set(id, url)
  }
  return [...byId.values()]
}

/**
 * Makes sure that the fleet runs this set of shards. @returns true when it does: it was pushed, and every pod that answers reports its
 * revision. A pod that does not answer reads the desired config when it starts.
 */
export function ensureFleetConfig(
  draft: Draft,
  { spec, pods, measurement }: Observed,
  set: ShardSet,
  slowdown?: Slowdown,
): boolean {
  if (!spec) return false
  const config = configOf(spec, set, slowdown)
  const revision = revisionOf(config)
  const pushed = draft.status.fleetConfig?.revision === revision
  // Two sets can hold the same shards; the last reason for them is what counts.
  draft.status.fleetConfig = { shards: set, revision, slowdownMs: config.slowdown?.delayMs ?? 0 }
  if (pushed && pods.every((pod) => pod.revision === revision)) return true
  // A pod that has not taken it is given it again with each measurement, not with each look.
  if (!pushed || measurement) draft.actions.push({ kind: 'configure', config, revision })
  return false
}
