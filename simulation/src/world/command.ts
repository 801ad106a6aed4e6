/**
 * What `dedup-migrate` does with its engine: goals in order, patience with shards that are away, a lease that is waited for. The command is
 * killed and called again, with the same verb or another, by somebody who at times calls two of them.
 */
import { drive } from '@fractal-lba/migration/cli/drive'
import { CommandFailed } from '@fractal-lba/migration/cli/exit-codes'
import { goalsOf } from '@fractal-lba/migration/cli/goals'
import type { Verb } from '@fractal-lba/migration/cli/legal'
import { openEngine } from '@fractal-lba/migration/cli/open-engine'
import type { Progress } from '@fractal-lba/migration/progress'
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { type MigrationId, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Process } from './process.ts'
import { chance, pick } from './random.ts'
import { VNODES } from './scenario.ts'
import type { Ended, Task } from './task.ts'
import type { World } from './world.ts'

const STEPS = [50, 100]
const STEP_MS = 200
const VERBS: readonly Verb[] = ['copy', 'verify', 'dual-write', 'cutover', 'run', 'run', 'rollback']

export async function runCommand(world: World, task: Task): Promise<Ended> {
  const { scheduler, scenario, fleet } = world
  const random = world.random(task.nameOf('commands', 0))
  const rates = world.rates(0.003)
  let running: Process[] = []
  for (let count = 1; !world.peace; count++) {
    const process = world.spawn(task.nameOf('command', count))
    running.push(process)
    call(process, pick(random, VERBS), chance(random, 0.3)).catch((error) => {
      if (!expected(error)) world.fail(error)
    })
    await scheduler.sleep(random() ** 2 * 5000)
    for (const one of running) if (chance(random, 0.7)) world.end(one)
    running = running.filter(({ alive }) => alive)
  }
  for (const one of running) world.end(one)
  let verb: Verb = task.ending === 'forward' ? 'run' : 'rollback'
  for (let count = 1; ; count++) {
    const process = world.spawn(`command-last-${count}`)
    try {
      const progress = await call(process, verb, true)
      if (progress.phase === 'Completed') return { outcome: 'completed' }
      if (progress.phase === 'RolledBack') return { outcome: 'rolled-back' }
    } catch (error) {
      if (!expected(error)) throw error
      if (error instanceof CommandFailed && /point of no return/.test(error.message)) verb = 'run'
      await scheduler.sleep(200)
    }
    world.end(process)
  }

  async function call(process: Process, verb: Verb, takeOver: boolean): Promise<Progress> {
    world.tell({ kind: 'note', process: process.name, text: `${verb}${takeOver ? ' --take-over' : ''}` })
    const { signal } = new AbortController()
    const engine = await openEngine(
      {
        controls: new Map(scenario.shards.map((id) => [id, fleet.control(id, process, rates)])),
        spec: { id: `m-${task.index}` as MigrationId, from: task.from, to: task.to, vnodes: VNODES, universe: scenario.slots },
        holder: process.name,
        takeOver,
        leaseTtlMs: 2000,
        settings: { batchKeys: 3, soakMs: 100, settleMs: 100, switchSlots: 3, maxLagMs: 500 },
        clock: process,
      },
      process,
      signal,
      () => undefined,
    )
    const driving = {
      engine,
      clock: process,
      signal,
      show: () => undefined,
      warn: () => undefined,
      onProgress: async () => undefined,
    }
    try {
      return await drive(driving, goalsOf(verb, STEPS, STEP_MS))
    } finally {
      await engine.close()
    }
  }
}

function expected(error: unknown): boolean {
  if (error instanceof ShardUnavailable || error instanceof ShardRefused || error instanceof CommandFailed) return true
  return error instanceof MigrationStopped && error.reason === 'LeaseLost'
}
