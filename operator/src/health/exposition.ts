/** The operator's own metrics in the Prometheus text format, under the names that dashboards for controllers know. */
import type { ShardMigrationStatus } from '../api/status.ts'
import { PHASES } from '../api/status.ts'
import type { QueueCounters } from '../runtime/work-queue.ts'

export interface MetricsInput {
  readonly queue: QueueCounters & { readonly depth: number }
  readonly migrations: readonly { readonly name: string; readonly status: ShardMigrationStatus | undefined }[]
}

const CONTROLLER = 'controller="shardmigration"'

export function exposition({ queue, migrations }: MetricsInput): string {
  const lines = [
    ...family('workqueue_depth', 'gauge', 'Keys that wait for a worker.', [[CONTROLLER, queue.depth]]),
    ...family('workqueue_adds_total', 'counter', 'Keys added.', [[CONTROLLER, queue.adds]]),
    ...family('workqueue_retries_total', 'counter', 'Keys added again after a failure.', [[CONTROLLER, queue.retries]]),
    ...family('controller_runtime_reconcile_total', 'counter', 'Reconciliations.', [
      [`${CONTROLLER},result="success"`, queue.runs - queue.errors],
      [`${CONTROLLER},result="error"`, queue.errors],
    ]),
    ...family('controller_runtime_reconcile_errors_total', 'counter', 'Reconciliations that failed.', [
      [CONTROLLER, queue.errors],
    ]),
    ...family(
      'flk_migration_phase',
      'gauge',
      '1 for the phase that the migration is in.',
      migrations.flatMap(({ name, status }) =>
        PHASES.map((phase) => [`name="${name}",phase="${phase}"`, status?.phase === phase ? 1 : 0] as const),
      ),
    ),
    ...family(
      'flk_migration_keys_copied',
      'gauge',
      'Keys copied.',
      migrations.map(({ name, status }) => [`name="${name}"`, status?.progress.keysCopied ?? 0] as const),
    ),
    ...family(
      'flk_migration_percentage',
      'gauge',
      'How far the migration has come.',
      migrations.map(({ name, status }) => [`name="${name}"`, status?.progress.percentage ?? 0] as const),
    ),
    ...family(
      'flk_migration_lag_seconds',
      'gauge',
      'Age of the oldest captured write that is not applied.',
      migrations.map(({ name, status }) => [`name="${name}"`, status?.reverseLagSeconds ?? 0] as const),
    ),
  ]
  return `${lines.join('\n')}\n`
}

function family(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([labels, value]) => `${name}{${labels}} ${value}`)]
}
