/** Which of several migrations has the right of way (pure): two that share a shard never run at once, and all processes agree which waits. */
import { parseShardAddress } from '@fractal-lba/shards/address'
import { isTerminal } from './draft.ts'
import type { MigrationObject } from './objects.ts'

/** The name of a migration that `object` has to wait for. */
export function waitsFor(object: MigrationObject, others: readonly MigrationObject[]): string | undefined {
  if (!object.spec || object.status?.migrationId !== undefined) return undefined
  const shards = shardsOf(object)
  return others
    .filter(
      (other) =>
        other.name !== object.name &&
        isActive(other) &&
        goesBefore(other, object) &&
        [...shardsOf(other)].some((id) => shards.has(id)),
    )
    .map((other) => other.name)
    .sort()[0]
}

function isActive({ spec, status }: MigrationObject): boolean {
  // A plan that waits for its user must not keep others from working.
  return (
    spec !== undefined &&
    !spec.dryRun &&
    (status === undefined || !isTerminal(status.phase)) &&
    !(spec.approval === 'Manual' && status?.migrationId === undefined)
  )
}

function goesBefore(other: MigrationObject, object: MigrationObject): boolean {
  if (other.status?.migrationId !== undefined) return true
  return other.name < object.name
}

function shardsOf({ spec }: MigrationObject): Set<string> {
  return new Set(
    [...(spec?.sourceShards ?? []), ...(spec?.targetShards ?? [])].map((address) => parseShardAddress(address.trim()).id),
  )
}
