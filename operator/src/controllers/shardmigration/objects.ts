/** `ShardMigration` objects, and where their certificates go. */
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { ObjectsOf, ObservedObject } from '../objects.ts'

export type MigrationObject = ObservedObject<ShardMigrationSpec, ShardMigrationStatus>

export interface MigrationObjects extends ObjectsOf<MigrationObject> {
  /** Keeps a certificate where users find it. */
  keepCertificate(name: string, canonicalJson: string): Promise<void>
}
