/**
 * Where `ShardMigration` objects live: a folder of manifests, or the API of a cluster. The controller reads and writes them through
 * this alone.
 */
import type { Verb } from '../../api/group.ts'
import type { Reason } from '../../api/reasons.ts'
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { FieldProblem } from '../../api/validate.ts'

export interface MigrationObject {
  readonly name: string
  /** A new object of the same name has another. */
  readonly uid: string
  /** Of the state that was read, where others may write too: a status is refused once there is a newer one. */
  readonly version?: string
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly deletionRequested: boolean
  /** The newest spec that was accepted. */
  readonly spec: ShardMigrationSpec | undefined
  readonly problems: readonly FieldProblem[]
  readonly status: ShardMigrationStatus | undefined
}

export interface MigrationObjects {
  /** Undefined when there is no such object (any more). */
  get(name: string): Promise<MigrationObject | undefined>
  names(): Promise<readonly string[]>
  /** Durable when it resolves. @throws Outdated when the object is not as it was read any more; then nothing was written. */
  writeStatus(object: MigrationObject, status: ShardMigrationStatus): Promise<void>
  event(object: MigrationObject, type: 'Normal' | 'Warning', reason: Reason, message: string): Promise<void>
  /** Takes the verb's annotation away, unless it was set to another value meanwhile. */
  consume(object: MigrationObject, verb: Verb, value: string): Promise<void>
  /** Lets a deleted object go. */
  forget(object: MigrationObject): Promise<void>
  /** Keeps a certificate where users find it. */
  keepCertificate(name: string, canonicalJson: string): Promise<void>
}
