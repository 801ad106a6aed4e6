/** Drives an engine through goals, with progress for people, patience for shards that are away, and a stop at a safe point on a signal. */
import { ShardUnavailable } from '@fractal-lba/shards/port'
import type { Clock } from '../clock.ts'
import type { Blocked, Intent } from '../decide.ts'
import type { MigrationEngine } from '../engine.ts'
import type { Progress } from '../progress.ts'
import { CommandFailed, EXIT, type ExitCode } from './exit-codes.ts'
import type { Goal } from './goals.ts'

const STEP_MS = 2000
/** A shard that restarts is back within this. */
const PATIENCE_MS = 60_000
const RETRY_MS = 500

export interface Driving {
  readonly engine: MigrationEngine
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly show: (progress: Progress, goal: Goal) => void
  readonly warn: (message: string) => void
  /** Called with each reading of the progress: slow the writers, adjust the pace. */
  readonly onProgress: (progress: Progress) => Promise<void>
}

/** @returns the last progress. @throws CommandFailed when it is blocked or interrupted; whatever the engine throws. */
export async function drive(driving: Driving, goals: readonly Goal[]): Promise<Progress> {
  let progress: Progress | undefined
  for (const goal of goals) {
    progress = await reach(driving, goal)
    const untilMs = driving.clock.now() + goal.thenWatchMs
    while (driving.clock.now() < untilMs) {
      await stepPatiently(driving, goal.intent, Math.min(STEP_MS, untilMs - driving.clock.now()))
      await driving.clock.sleep(Math.min(STEP_MS / 40, untilMs - driving.clock.now()), driving.signal)
    }
  }
  if (!progress) throw new Error('a verb has at least one goal')
  return progress
}

async function reach(driving: Driving, goal: Goal): Promise<Progress> {
  for (;;) {
    const progress = await stepPatiently(driving, goal.intent, STEP_MS)
    driving.show(progress, goal)
    await driving.onProgress(progress)
    if (progress.blocked) throw new CommandFailed(codeOf(progress.blocked), progress.blocked.message)
    if (progress.reached) return progress
  }
}

async function stepPatiently(driving: Driving, intent: Intent, budgetMs: number): Promise<Progress> {
  const sinceMs = driving.clock.now()
  for (let warned = false; ; warned = true) {
    if (driving.signal.aborted)
      throw new CommandFailed(
        EXIT.interrupted,
        'Stopped at a safe point: every slot has an owner, and everything done is recorded at the shards.',
      )
    try {
      return await driving.engine.step(intent, budgetMs, driving.signal)
    } catch (error) {
      if (!(error instanceof ShardUnavailable) || driving.clock.now() - sinceMs > PATIENCE_MS) throw error
      if (!warned) driving.warn(`${error.message}; trying again for ${PATIENCE_MS / 1000} s`)
      await driving.clock.sleep(RETRY_MS, driving.signal)
    }
  }
}

function codeOf(blocked: Blocked): ExitCode {
  switch (blocked.reason) {
    case 'NotConverging':
      return EXIT.notConverging
    case 'PastNoReturn':
      return EXIT.refused
    case 'StateContradiction':
      return EXIT.failed
  }
}
