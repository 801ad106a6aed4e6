/**
 * Performs what `decide` answered, and decides nothing. The order makes a crash harmless at any point: the status is stored before
 * anything that follows from it, so a successor finds what was meant; whatever was not done yet is decided again.
 */
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { ShardUnavailable } from '@fractal-lba/shards/port'
import type { ShardMigrationStatus } from '../../api/status.ts'
import { type Fleet, FleetUnavailable } from '../../fleet/port.ts'
import { migrationIdOf } from './intent.ts'
import type { MigrationObject, MigrationObjects } from './objects.ts'
import type { Action, Decided } from './observed.ts'
import type { MigrationSession, SessionOrder } from './session.ts'

export interface ActParts {
  readonly objects: MigrationObjects
  readonly fleet: Fleet
  readonly session: MigrationSession
  readonly pushTimeoutMs: number
  readonly log: (message: string) => void
}

export interface Acted {
  /** There is more of the same work to do at once. */
  readonly busy: boolean
  /** The engine was given something to do. */
  readonly worked: boolean
  readonly forgotten: boolean
}

export async function act(parts: ActParts, object: MigrationObject, decided: Decided, signal: AbortSignal): Promise<Acted> {
  const { objects } = parts
  const of = <K extends Action['kind']>(kind: K) =>
    decided.actions.filter((action): action is Extract<Action, { kind: K }> => action.kind === kind)
  for (const { type, reason, message } of of('event')) await objects.event(object, type, reason, message)
  await objects.writeStatus(object, decided.status)
  for (const { verb, value } of of('consume')) await objects.consume(object, verb, value)
  for (const { p95Ms, limitMs } of of('throttle')) parts.session.feedback(p95Ms, limitMs)
  let busy = false
  const order = orderOf(object, decided.status)
  if (order) {
    for (const action of of('configure')) await configure(parts, order, action)
    for (const { intent } of of('work')) if (!signal.aborted) busy = await parts.session.work(order, intent, signal)
  }
  if (of('release').length > 0) await parts.session.release()
  const forgotten = of('forget').length > 0
  if (forgotten) await objects.forget(object)
  return { busy, worked: of('work').length > 0, forgotten }
}

/** What the engine needs to know of an object; undefined for one whose spec was never usable. */
export function orderOf(object: MigrationObject, status: ShardMigrationStatus): SessionOrder | undefined {
  if (!object.spec || status.migrationId === undefined)
    return object.spec && { spec: object.spec, migrationId: nextId(object, status), planHash: status.planHash }
  return { spec: object.spec, migrationId: status.migrationId, planHash: status.planHash }
}

const nextId = (object: MigrationObject, status: ShardMigrationStatus): string =>
  migrationIdOf(object.name, object.uid, status.attempt)

async function configure(
  parts: ActParts,
  order: SessionOrder,
  { config, revision }: Extract<Action, { kind: 'configure' }>,
): Promise<void> {
  let above = 0
  try {
    // A pod that has seen a higher generation refuses; if the shards still let us take the lease, the pods follow the shards.
    for (let attempts = 0; attempts < 3; attempts++) {
      const generation = await parts.session.generation(order, above)
      const results = await parts.fleet.configure({ generation, revision, config }, parts.pushTimeoutMs)
      const fenced = results.flatMap((result) => (result.kind === 'fenced' ? [result.seen] : []))
      for (const result of results)
        if (result.kind === 'unreachable') parts.log(`pod ${result.pod} was not given the config: ${result.error}`)
      if (fenced.length === 0) return
      above = Math.max(above, ...fenced)
    }
  } catch (error) {
    // Seen again, with the reason, at the next look at the shards.
    const passing = [MigrationStopped, ShardUnavailable, FleetUnavailable].some((kind) => error instanceof kind)
    if (!passing || !(error instanceof Error)) throw error
    parts.log(`the fleet was not configured: ${error.message}`)
  }
}
