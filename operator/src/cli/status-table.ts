/** Statuses as a table for people: the columns that `kubectl get` shows, then what a user asks next. */
import type { ShardMigrationStatus } from '../api/status.ts'

const COLUMNS = ['NAME', 'PHASE', 'PROGRESS', 'GATE', 'REVERSIBLE', 'PLAN', 'LAG', 'REMAINING'] as const

export interface NamedStatus {
  readonly name: string
  readonly status: ShardMigrationStatus | undefined
}

export function statusTable(statuses: readonly NamedStatus[]): string {
  if (statuses.length === 0) return 'no ShardMigration in this folder'
  const rows = [COLUMNS as readonly string[], ...statuses.map(rowOf)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  )
  const messages = statuses.map(({ name, status }) => `${name}: ${status?.message ?? 'not looked at yet'}`)
  return [...table, '', ...messages].join('\n')
}

function rowOf({ name, status }: NamedStatus): string[] {
  if (!status) return [name, 'Pending', '-', '-', '-', '-', '-', '-']
  const gate = status.conditions.find((condition) => condition.type === 'GatePassed')
  return [
    name,
    status.paused ? `${status.phase} (paused)` : status.halt?.kind === 'Freeze' ? `${status.phase} (frozen)` : status.phase,
    `${status.progress.percentage} %`,
    gate?.status === 'True' ? 'Pass' : (gate?.reason.replace('Gate', '') ?? '-'),
    status.reversible ? 'yes' : 'no',
    status.planHash ?? '-',
    `${status.reverseLagSeconds} s`,
    status.progress.estimatedTimeRemaining || '-',
  ]
}
