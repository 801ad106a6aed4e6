/**
 * Runs engines the way operators do, only worse: they die at any call, a successor comes before the old one is gone, orders change in mid-flight.
 * Ends when the last order is carried out without faults.
 */

import type { Intent, Milestone } from '@fractal-lba/migration/decide'
import { MigrationEngine } from '@fractal-lba/migration/engine'
import type { Progress } from '@fractal-lba/migration/progress'
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { type MigrationId, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Process } from './process.ts'
import { chance, pick } from './random.ts'
import { VNODES } from './scenario.ts'
import type { Ended, Task } from './task.ts'
import type { World } from './world.ts'

const MILESTONES: readonly Milestone[] = ['copied', 'verified', 'soaked', 'cut-over', 'certified']

export async function runEngines(world: World, task: Task): Promise<Ended> {
  const { scenario, scheduler, fleet } = world
  const random = world.random(task.nameOf('engines', 0))
  const rates = world.rates(0.004)
  for (let trouble = 1; !world.peace; trouble++) {
    const process = world.spawn(task.nameOf('engine', trouble))
    troubled(process).catch(world.fail)
    // The successor comes after a while, whether or not the engine still lives.
    await scheduler.sleep(random() ** 2 * 4000)
    if (chance(random, 0.5)) world.end(process)
  }
  const ending = await endInPeace()
  return { outcome: ending.outcome === 'completed' ? 'completed' : 'rolled-back' }

  /** Rivals may still be there: where one of them takes over, the last one takes it back. */
  async function endInPeace(): Promise<Progress> {
    for (;;) {
      try {
        const last = await open(world.spawn('engine-last'))
        const ending = await untilEnded(last)
        await last.close()
        return ending
      } catch (error) {
        if (!expected(error)) throw error
      }
    }
  }

  async function troubled(process: Process): Promise<void> {
    try {
      const engine = await open(process)
      while (process.alive) {
        const intent = randomIntent()
        const steps = 1 + Math.floor(random() * 20)
        for (let step = 0; step < steps && process.alive; step++) await stepOf(engine, intent)
      }
    } catch (error) {
      // A new one has taken over, or the engine could not even begin: what engines are made for.
      if (!expected(error)) throw error
    }
  }

  function randomIntent(): Intent {
    if (chance(random, 0.15)) return { kind: 'rollback' }
    if (chance(random, 0.1)) return { kind: 'pause' }
    const upTo = chance(random, 0.08) ? 'cleaned' : pick(random, MILESTONES)
    return { kind: 'run', upTo, cutoverPercent: pick(random, [10, 50, 100]) }
  }

  async function stepOf(engine: MigrationEngine, intent: Intent): Promise<Progress | undefined> {
    try {
      return await engine.step(intent, 20 + random() * 200)
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      await scheduler.sleep(50)
      return undefined
    }
  }

  async function untilEnded(engine: MigrationEngine): Promise<Progress> {
    const forward: Intent = { kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }
    let intent: Intent = task.ending === 'forward' ? forward : { kind: 'rollback' }
    for (;;) {
      const progress = await stepOf(engine, intent)
      if (progress?.blocked?.reason === 'PastNoReturn') intent = forward
      else if (progress?.blocked) throw new Error(`blocked: ${progress.blocked.message}`)
      else if (progress?.reached && progress.outcome) return progress
      else if (progress?.reached && progress.phase === 'RolledBack') return { ...progress, outcome: 'rolled-back' }
    }
  }

  async function open(process: Process): Promise<MigrationEngine> {
    const controls = new Map(scenario.shards.map((id) => [id, fleet.control(id, process, rates)]))
    return MigrationEngine.open({
      controls,
      spec: { id: `m-${task.index}` as MigrationId, from: task.from, to: task.to, vnodes: VNODES, universe: scenario.slots },
      holder: process.name,
      takeOver: true,
      leaseTtlMs: 3000,
      settings: { batchKeys: 3, soakMs: 100, settleMs: 100, switchSlots: 3, maxLagMs: 500 },
      clock: process,
    })
  }
}

function expected(error: unknown): boolean {
  if (error instanceof ShardUnavailable || error instanceof ShardRefused) return true
  return error instanceof MigrationStopped && error.reason === 'LeaseLost'
}
