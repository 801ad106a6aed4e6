/** A `Watch` of a running fleet. Tells phases as events when they change. */
import type { Events } from '../view/events.ts'
import type { MigrationReading, Snapshot } from '../view/snapshot.ts'
import type { Fleet } from './fleet.ts'
import { MIGRATION_NAME } from './migration-resource.ts'
import { MigrationWatch } from './migration-watch.ts'
import { PodWatch } from './pod-watch.ts'
import { SlotWatch } from './slot-watch.ts'
import { Watch } from './watch.ts'

export function watchFleet(
  { shards, pods, operator, agents, adminToken }: Fleet,
  events: Events,
  startedAtMs: number,
  onLook: (moment: Snapshot) => void,
): Watch {
  const podWatch = new PodWatch(pods, adminToken)
  const migrationWatch = new MigrationWatch(() => Date.now())
  const slotWatch = new SlotWatch(shards.map(({ url }) => url))
  let phase: string | undefined
  const tellPhase = (migration: MigrationReading | undefined) => {
    if (!migration || migration.phase === phase) return
    phase = migration.phase
    const tell = phase === 'RollingBack' || phase === 'Failed' ? events.warn : events.info
    tell(`${phase}: ${migration.message}`)
  }
  const watch = new Watch(
    {
      load: () => agents.read(),
      pods: () => podWatch.read(),
      migration: async () => migrationWatch.read(await operator?.readStatusText(MIGRATION_NAME)),
      slotOwners: async () => (shards.length > 0 ? slotWatch.read() : undefined),
      close: () => slotWatch.close(),
    },
    startedAtMs,
    (moment) => {
      tellPhase(moment.migration)
      onLook(moment)
    },
  )
  watch.start()
  return watch
}
