/**
 * Runs engines the way operators do, only worse: they die at any call, a successor comes before the old one is gone, orders change in mid-flight.
 * Ends when the last order is carried out without faults.
 */

import type { Certificate } from '@fractal-lba/migration/certificate/certificate'
import type { Clock } from '@fractal-lba/migration/clock'
import type { Intent, Milestone } from '@fractal-lba/migration/decide'
import { MigrationEngine } from '@fractal-lba/migration/engine'
import type { MigrationSpec } from '@fractal-lba/migration/plan'
import type { Progress } from '@fractal-lba/migration/progress'
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import { type ShardId, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import { behindFaultyNetwork, type Faults, type Process } from './faulty-network.ts'
import type { Fleet } from './fleet.ts'
import type { Scheduler } from './scheduler.ts'

export interface Story {
  readonly spec: MigrationSpec
  readonly ids: readonly ShardId[]
  /** How many engines run into trouble before the last one is left in peace. */
  readonly troubles: number
  readonly ending: 'forward' | 'back'
}

export interface Ended {
  readonly outcome: 'completed' | 'rolled-back'
  readonly certificates: readonly Certificate[]
  readonly lastDirection: string
}

const MILESTONES: readonly Milestone[] = ['copied', 'verified', 'soaked', 'cut-over', 'certified']

export async function operate(story: Story, fleet: Fleet, scheduler: Scheduler): Promise<Ended> {
  const certificates: Certificate[] = []
  for (let trouble = 0; trouble < story.troubles; trouble++) {
    const process: Process = { alive: true }
    const faults = () => ({ lost: 0.02, late: 0.01, crash: 0.004 })
    void troubled(process, `engine-${trouble}`, faults)
    // The successor comes after a while, whether or not the engine still lives.
    await scheduler.sleep(scheduler.random() ** 2 * 4000)
    if (scheduler.chance(0.5)) process.alive = false
  }
  const last = await openInPeace()
  const ending = await untilEnded(last)
  await last.close()
  return { outcome: ending.outcome!, certificates, lastDirection: ending.phase }

  /** Where an engine in trouble raises its lease at the same moment, one of the two is refused. */
  async function openInPeace(): Promise<MigrationEngine> {
    for (;;) {
      try {
        return await open({ alive: true }, 'last', () => ({ lost: 0, late: 0, crash: 0 }))
      } catch (error) {
        if (!expected(error)) throw error
      }
    }
  }

  async function troubled(process: Process, holder: string, faults: () => Faults): Promise<void> {
    try {
      const engine = await open(process, holder, faults)
      while (process.alive) {
        const intent = randomIntent()
        const steps = 1 + Math.floor(scheduler.random() * 20)
        for (let step = 0; step < steps && process.alive; step++) await stepOf(engine, intent)
      }
    } catch (error) {
      // A new one has taken over, or the engine could not even begin: what engines are made for.
      if (!expected(error)) throw error
    }
  }

  function randomIntent(): Intent {
    if (scheduler.chance(0.15)) return { kind: 'rollback' }
    if (scheduler.chance(0.1)) return { kind: 'pause' }
    const upTo = scheduler.chance(0.08) ? 'cleaned' : scheduler.pick(MILESTONES)
    return { kind: 'run', upTo, cutoverPercent: scheduler.pick([10, 50, 100]) }
  }

  async function stepOf(engine: MigrationEngine, intent: Intent): Promise<Progress | undefined> {
    try {
      return await engine.step(intent, 20 + scheduler.random() * 200)
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      await scheduler.sleep(50)
      return undefined
    }
  }

  async function untilEnded(engine: MigrationEngine): Promise<Progress> {
    const forward: Intent = { kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }
    let intent: Intent = story.ending === 'forward' ? forward : { kind: 'rollback' }
    for (;;) {
      const progress = await stepOf(engine, intent)
      if (progress?.blocked?.reason === 'PastNoReturn') intent = forward
      else if (progress?.blocked) throw new Error(`blocked: ${progress.blocked.message}`)
      else if (progress?.reached && progress.outcome) return progress
      else if (progress?.reached && progress.phase === 'RolledBack') return { ...progress, outcome: 'rolled-back' }
    }
  }

  async function open(process: Process, holder: string, faults: () => Faults): Promise<MigrationEngine> {
    const controls = new Map(story.ids.map((id) => [id, behindFaultyNetwork(fleet.control(id), process, scheduler, faults)]))
    return MigrationEngine.open({
      controls,
      spec: story.spec,
      holder,
      takeOver: true,
      leaseTtlMs: 3000,
      settings: { batchKeys: 3, soakMs: 100, settleMs: 100, switchSlots: 3, maxLagMs: 500 },
      clock: clockOf(process, scheduler),
      onCertificate: async (certificate) => void certificates.push(certificate),
    })
  }
}

/** A dead process does not wake up. */
function clockOf(process: Process, scheduler: Scheduler): Clock {
  return {
    now: () => scheduler.now(),
    sleep: async (ms, signal) => {
      await scheduler.sleep(ms, signal)
      if (!process.alive) await new Promise(() => {})
    },
  }
}

function expected(error: unknown): boolean {
  if (error instanceof ShardUnavailable || error instanceof ShardRefused) return true
  return error instanceof MigrationStopped && error.reason === 'LeaseLost'
}
