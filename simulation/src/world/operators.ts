/**
 * The operator's own controller, over simulated objects and pods. Operators come and go: some die, some stop well, and some go on leading
 * although another one leads. A person pauses, resumes, aborts and retries.
 */
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { type ShardMigrationSpec, withDefaults } from '@fractal-lba/operator/api/shardmigration'
import { ShardMigrationController } from '@fractal-lba/operator/controllers/shardmigration/controller'
import { FleetUnavailable } from '@fractal-lba/operator/fleet/port'
import { TransportError } from '@fractal-lba/operator/runtime/client/api-error'
import { Outdated } from '@fractal-lba/operator/runtime/reconcile'
import { ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import { FleetView } from './fleet-view.ts'
import { objectsOf } from './objects.ts'
import type { Process } from './process.ts'
import { chance, pick, type Random } from './random.ts'
import { VNODES } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'
import { StoredMigration } from './stored-object.ts'
import type { Ended, Task } from './task.ts'
import type { World } from './world.ts'

const LEASE_TTL_MS = 2000

interface Leading {
  readonly process: Process
  leads: boolean
  readonly controller: ShardMigrationController
}

export async function runOperators(world: World, task: Task): Promise<Ended> {
  const { scheduler } = world
  const random = world.random(task.nameOf('operators', 0))
  const stored = new StoredMigration(`move-${task.index}`, specOf(task, random))
  let ended = false
  let leading: Leading[] = []
  const person = livePerson(world, task, stored, world.random(task.nameOf('person', 0))).finally(() => {
    ended = true
  })
  for (let count = 1; !world.peace && !ended; count++) {
    leading.push(begin(world, stored, task.nameOf('operator', count)))
    if (leading.length > 1) world.seen.add('two lead at once')
    await scheduler.sleep(random() ** 2 * 5000)
    // What becomes of the one that led till now; at times nothing, and then there are two.
    for (const one of leading) {
      const fate = random()
      if (fate < 0.45) world.end(one.process)
      else if (fate < 0.75) await resign(one, scheduler)
    }
    leading = leading.filter(({ leads, process }) => leads && process.alive)
  }
  for (const one of leading) world.end(one.process)
  const last = ended ? undefined : begin(world, stored, 'operator-last')
  await person
  if (last) await resign(last, scheduler)
  const completed = stored.status?.phase === 'Completed'
  if (stored.certificate !== undefined) world.seen.add('certificate')
  if (completed && stored.status?.certificate !== undefined && stored.certificate === undefined)
    throw new Error('certificate: it completed, and its certificate was kept nowhere')
  return { outcome: completed ? 'completed' : 'rolled-back' }
}

function begin(world: World, stored: StoredMigration, name: string): Leading {
  const process = world.spawn(name)
  const rates = world.rates(0.003)
  const { network, fleet, scenario } = world
  const objects = objectsOf({
    stored,
    process,
    network,
    rates,
    random: world.random(`${name}.cache`),
    variant: world.variant,
    seen: world.seen,
    peace: () => world.peace,
    onBlind: (before, after) => {
      const what = `${after.status?.phase} was written over ${before.status?.phase}, which ${name} had not seen`
      world.fail(new Error(`status: ${what}`))
    },
    onEvent: (text) => {
      if (/RetryRequested/.test(text)) world.seen.add('migration tried again')
      if (/GateFailed/.test(text)) world.seen.add('gates failed')
      world.tell({ kind: 'note', process: name, text })
    },
  })
  const controller = new ShardMigrationController({
    objects,
    around: () => ({
      fleet: new FleetView({ process, network, pods: world.pods, rates, desired: world.desired }),
      openControl: ({ id }) => fleet.control(id, process, rates),
    }),
    now: () => process.now(),
    session: { holder: name, leaseTtlMs: LEASE_TTL_MS, signer: undefined, clock: process, universe: scenario.slots },
    log: () => undefined,
  })
  const one: Leading = { process, leads: true, controller }
  lead(one, stored.name).catch(world.fail)
  return one
}

/** As the work queue of a leader does. */
async function lead({ process, controller }: Leading, name: string): Promise<void> {
  const { signal } = new AbortController()
  let failures = 0
  while (process.alive) {
    let afterMs: number
    try {
      const result = await controller.reconcile(name, signal)
      afterMs = result.kind === 'requeue' ? result.afterMs : 500
      failures = 0
    } catch (error) {
      if (!PASSING.some((kind) => error instanceof kind)) throw error
      afterMs = Math.min(1000, 50 * 2 ** failures++)
    }
    await process.sleep(afterMs)
  }
}

const PASSING = [Outdated, TransportError, FleetUnavailable, ShardUnavailable, ShardRefused, MigrationStopped]

/** Steps down, and gives its lease back. */
async function resign(one: Leading, scheduler: Scheduler): Promise<void> {
  one.leads = false
  const { process, controller } = one
  if (!process.alive) return
  // It may end while it does.
  await Promise.race([controller.close(), scheduler.sleep(300)])
  process.alive = false
}

/** Somebody who pauses, resumes, aborts and retries at random; in peace, who sees to it that it comes to an end. */
async function livePerson(world: World, task: Task, stored: StoredMigration, random: Random): Promise<void> {
  const { scheduler } = world
  const nervous = chance(random, 0.5)
  let retries = task.ending === 'forward' ? 2 : 0
  let aborted = false
  for (let count = 0; ; count++) {
    await scheduler.sleep(world.peace ? 200 : 200 + random() * 1500)
    const { status } = stored
    if (!status) continue
    const verb = (name: 'pause' | 'resume' | 'abort' | 'retry') => {
      world.tell({ kind: 'note', process: 'person', text: `${name} in ${status.phase}` })
      stored.give(name, `${name}-${count}`)
    }
    const over = status.phase === 'Completed' || status.phase === 'Failed'
    if (over && (status.phase === 'Completed' || retries === 0)) {
      if (world.peace && settledSince(stored)) return
      continue
    }
    if (over) {
      retries--
      verb('retry')
    } else if (status.halt?.kind === 'Freeze') {
      verb('retry')
    } else if (!world.peace) {
      if (nervous && chance(random, 0.5)) verb(pick(random, ['pause', 'resume', 'abort', 'retry'] as const))
    } else if (status.paused) {
      verb('resume')
    } else if (task.ending === 'back' && !aborted && chance(random, 0.3)) {
      aborted = true
      verb('abort')
    }
  }
}

/** Its end was not only announced: what belongs to it was done, such as telling the pods. */
function settledSince(stored: StoredMigration): boolean {
  return Object.keys(stored.annotations).length === 0
}

function specOf(task: Task, random: Random): ShardMigrationSpec {
  const strict = chance(random, 0.4)
  return withDefaults({
    sourceShards: task.from.map((id) => `memory://${id}`),
    targetShards: task.to.map((id) => `memory://${id}`),
    dedupBackend: 'redis',
    batchSize: 3,
    throttleQPS: 10_000,
    healthGates: { maxLatencyP95: strict ? 120 : 60_000, maxErrorRate: strict ? 5 : 100, minDedupHitRatio: 0 },
    gates: { windowSeconds: 1, intervalSeconds: 0.3, minSamples: 1, onNoData: chance(random, 0.5) ? 'Hold' : 'Pass' },
    onGateFailure: chance(random, 0.7) ? 'Rollback' : 'Freeze',
    steps: pick(random, [[100], [50, 100], [10, 50, 100]]),
    stepSeconds: random() * 0.3,
    soakSeconds: random() * 0.3,
    maxLagSeconds: 1,
    progressDeadlineSeconds: 30,
    vnodes: VNODES,
  })
}
