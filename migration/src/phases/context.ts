/** What every phase works with. One of these lives as long as its engine; nothing in it has to survive a crash. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { Fence, ShardControl, ShardId } from '@fractal-lba/shards/port'
import type { Certificate, CertificateSigner } from '../certificate/certificate.ts'
import type { Clock } from '../clock.ts'
import type { FleetLease } from '../lease/fleet-lease.ts'
import type { Ledger } from '../ledger.ts'
import type { Controls } from '../observe.ts'
import type { MigrationSpec } from '../plan.ts'
import type { SlotProof } from '../proof-packing.ts'
import { batchKeysFor, type MigrationSettings } from '../settings.ts'
import type { TokenBucket } from '../throttle/token-bucket.ts'
import type { GroupSize } from './group-size.ts'
import type { Measurements } from './measurements.ts'

export interface PhaseContext {
  readonly spec: MigrationSpec
  readonly settings: MigrationSettings
  readonly controls: Controls
  readonly lease: FleetLease
  readonly ledger: Ledger
  readonly clock: Clock
  readonly throttle: TokenBucket
  readonly measured: Measurements
  /** Where the copy stands inside slots that are larger than a batch. Forgotten whenever the target's copy is begun anew. */
  readonly places: Map<SlotId, string>
  /** Slots that were compared before the cutover, and are not recorded as verified yet. Forgotten when the migration turns. */
  readonly proven: Map<SlotId, SlotProof>
  /** How many slots to compare at once, as the servers' answers allow. */
  readonly groupSize: GroupSize
  /** Slots that were compared for the certificate already. Forgotten when the migration turns. */
  readonly attested: Map<SlotId, SlotProof>
  /** Signs the certificate; undefined: it is not signed. */
  readonly signer: CertificateSigner | undefined
  /** Gets each certificate before the shards are told that there is one; resolves once it is kept. */
  readonly onCertificate: (certificate: Certificate) => Promise<void>
}

/** How long an action may go on. Work stops at the next safe point after either. */
export interface Slice {
  readonly untilMs: number
  readonly signal: AbortSignal
}

export function controlOf(context: PhaseContext, shard: ShardId): ShardControl {
  const control = context.controls.get(shard)
  if (!control) throw new Error(`shard ${shard} is part of the migration, but its address was not given`)
  return control
}

export function fenceOf(context: PhaseContext): Fence {
  return context.lease.fence(context.spec.id)
}

export function isOver(context: PhaseContext, slice: Slice): boolean {
  return slice.signal.aborted || context.clock.now() >= slice.untilMs
}

/** Keys a call, for moving or deleting records of this shard. */
export function batchKeysAt(context: PhaseContext, shard: ShardId): number {
  return batchKeysFor(context.settings, controlOf(context, shard).kind, context.throttle.ratePerSecond)
}
