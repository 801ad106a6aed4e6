/** How the migrations of a cluster stand, as metrics: read from the cache when they are scraped, so every replica says the same. */
import { Gauge, type Registry } from 'prom-client'
import { PHASES } from '../api/status.ts'
import type { Cache } from '../runtime/cache/cache.ts'
import type { MigrationResource } from './resources.ts'

export function migrationMetrics(registry: Registry, cache: Cache<MigrationResource>): void {
  const gauge = (name: string, help: string, read: (resource: MigrationResource) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['namespace', 'name'],
      registers: [registry],
      collect() {
        this.reset()
        for (const resource of cache.list()) this.set(labelsOf(resource), read(resource))
      },
    })
  gauge('flk_migration_keys_copied', 'Keys that are at their target', ({ status }) => status?.progress?.keysCopied ?? 0)
  gauge('flk_migration_percentage', 'How far the migration has come', ({ status }) => status?.progress?.percentage ?? 0)
  gauge(
    'flk_migration_lag_seconds',
    'Age of the oldest captured write that is not applied',
    ({ status }) => status?.reverseLagSeconds ?? 0,
  )
  new Gauge({
    name: 'flk_migration_phase',
    help: '1 for the phase that the migration is in',
    labelNames: ['namespace', 'name', 'phase'],
    registers: [registry],
    collect() {
      this.reset()
      for (const resource of cache.list())
        for (const phase of PHASES) this.set({ ...labelsOf(resource), phase }, resource.status?.phase === phase ? 1 : 0)
    },
  })
}

const labelsOf = ({ metadata }: MigrationResource) => ({ namespace: metadata.namespace ?? '', name: metadata.name })
