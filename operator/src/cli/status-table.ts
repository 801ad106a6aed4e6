/** Statuses as a table for people: the columns that `kubectl get` shows, then what a user asks next. For all kinds. */
import type { ShardMigrationStatus } from '../api/status.ts'
import { tableLines } from './table.ts'

/** What is shown of a status; a field that a kind does not have is absent. */
type Shown = Pick<ShardMigrationStatus, 'message' | 'paused' | 'halt' | 'reversible' | 'planHash'> & {
  readonly phase: string
  readonly progress: { readonly percentage: number; readonly estimatedTimeRemaining?: string }
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[]
  readonly reverseLagSeconds?: number
  readonly replicationStats?: { readonly lagSeconds: number } | undefined
}

const COLUMNS = ['NAME', 'PHASE', 'PROGRESS', 'GATE', 'REVERSIBLE', 'PLAN', 'LAG', 'REMAINING'] as const

export interface NamedStatus {
  readonly name: string
  /** Shown where one is given. */
  readonly namespace?: string
  readonly status: Shown | undefined
}

export function statusTable(statuses: readonly NamedStatus[]): string {
  if (statuses.length === 0) return 'no ShardMigration in this folder'
  const spaced = statuses.some(({ namespace }) => namespace !== undefined)
  const rows = [
    spaced ? ['NAMESPACE', ...COLUMNS] : [...COLUMNS],
    ...statuses.map((each) => (spaced ? [each.namespace ?? '', ...rowOf(each)] : rowOf(each))),
  ]
  const messages = statuses.map(({ name, status }) => `${name}: ${status?.message ?? 'not looked at yet'}`)
  return [...tableLines(rows), '', ...messages].join('\n')
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
    lagText(status),
    status.progress.estimatedTimeRemaining || '-',
  ]
}

function lagText({ reverseLagSeconds, replicationStats }: Shown): string {
  const seconds = reverseLagSeconds ?? replicationStats?.lagSeconds
  return seconds === undefined ? '-' : `${seconds} s`
}
