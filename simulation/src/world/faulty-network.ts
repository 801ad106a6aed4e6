/**
 * What lies between a process and a shard: each call takes two turns, and on the way it can be lost before or after it was carried out, arrive
 * much later than its caller believes, or be the last thing that the process did.
 */
import { type ShardControl, type ShardData, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Scheduler } from './scheduler.ts'

/** A process that can die at any await. What it awaits then never comes. */
export interface Process {
  alive: boolean
}

export interface Faults {
  /** Chances a call. */
  readonly lost: number
  readonly late: number
  readonly crash: number
}

/** How much later a late call can arrive. */
const LATE_MS = 3000

export function behindFaultyNetwork<T extends ShardControl | ShardData>(
  shard: T,
  process: Process,
  scheduler: Scheduler,
  faults: () => Faults,
): T {
  return new Proxy(shard, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== 'function') return member
      return (...args: readonly unknown[]) =>
        call(() => (member as (...args: unknown[]) => Promise<unknown>).apply(target, [...args]))
    },
  })

  async function call(perform: () => Promise<unknown>): Promise<unknown> {
    await arrive()
    const { lost, late, crash } = faults()
    if (scheduler.chance(crash)) {
      process.alive = false
      const fate = scheduler.random()
      if (fate < 0.4) await perform().catch(() => undefined)
      else if (fate < 0.7) void later(perform)
    } else if (scheduler.chance(late)) {
      void later(perform)
      await arrive()
      throw unavailable('no answer')
    } else if (scheduler.chance(lost)) {
      if (scheduler.chance(0.5)) await perform().catch(() => undefined)
      await arrive()
      throw unavailable('connection lost')
    }
    await whileAlive()
    const result = await settled(perform())
    await arrive()
    if ('error' in result) throw result.error
    return result.value
  }

  async function arrive(): Promise<void> {
    await whileAlive()
    await scheduler.turn()
    await whileAlive()
  }

  async function whileAlive(): Promise<void> {
    if (!process.alive) await new Promise(() => {})
  }

  async function later(perform: () => Promise<unknown>): Promise<void> {
    await scheduler.sleep(scheduler.random() * LATE_MS)
    await perform().catch(() => undefined)
    // Sometimes the network delivers it twice.
    if (scheduler.chance(0.3)) {
      await scheduler.sleep(scheduler.random() * LATE_MS)
      await perform().catch(() => undefined)
    }
  }

  function unavailable(what: string): ShardUnavailable {
    return new ShardUnavailable(shard.id, what)
  }
}

async function settled(promise: Promise<unknown>): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}
