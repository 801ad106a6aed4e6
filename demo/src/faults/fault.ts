/**
 * A fault: something that goes wrong for real while the migration runs. It waits for its moment, does it, says what it did in the events,
 * and at the end tells whether it could do and see what it is there for; a fault that never struck proves nothing, so that is a failure
 * of the run.
 */
import type { Operator } from '../fleet/operator.ts'
import type { Pod } from '../fleet/pods.ts'
import type { Shard, ShardName } from '../fleet/shards.ts'
import type { Events } from '../view/events.ts'
import type { Snapshot } from '../view/snapshot.ts'

export interface FaultScene {
  readonly pods: readonly Pod[]
  readonly operator: Operator
  readonly shards: readonly Shard[]
  readonly events: Events
  /** Limit of the fleet's p95 in ms: what is a bad network depends on it. */
  readonly p95GateMs: number
  /** Resolves with the first moment for which the predicate holds. @throws when the run ends before. */
  until(holds: (moment: Snapshot) => boolean): Promise<Snapshot>
}

export interface Fault {
  /** The shards whose network it needs in its hands. */
  readonly proxied?: readonly ShardName[]
  /** Ceiling of the copy in keys for each submission, where the fault needs a copy that takes its time. */
  readonly copyPerSubmission?: number
  /** How a migration should end with it. */
  readonly expectedEnd: 'Completed' | 'RolledBack'
  /** Resolves when it has done and seen what it is there for. */
  strike(scene: FaultScene): Promise<void>
}

/** Keys are being copied, and some are there already. */
export function inMidCopy({ migration }: Snapshot): boolean {
  return migration?.phase === 'Copying' && migration.keysCopied > 0
}

/** Some slots have gone to their new owner, and more are to follow. */
export function inMidCutover({ migration, slotOwners }: Snapshot): boolean {
  return migration?.phase === 'Cutover' && slotOwners !== undefined && slotOwners.some((owner) => owner > 0)
}
