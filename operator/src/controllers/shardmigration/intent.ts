/** What the engine is to work towards, from the status alone, so that a successor asks for the same. */
import type { ShardMigrationSpec } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import type { EngineIntent } from './observed.ts'

export function intentOf(status: ShardMigrationStatus, spec: ShardMigrationSpec | undefined): EngineIntent {
  if (status.halt?.kind === 'Rollback' || status.halt?.kind === 'Abort') return { kind: 'rollback' }
  if (status.halt?.kind === 'Freeze' || status.paused || spec?.paused) return { kind: 'pause' }
  return { kind: 'run', ...status.target }
}

/** Names an attempt at the shards, the same whoever computes it. */
export const migrationIdOf = (name: string, uid: string, attempt: number): string =>
  `${name}-${uid.replaceAll('-', '').slice(0, 8)}-${attempt}`
