/** Opens the engine. A lease that another process holds may be that of one that died: it is waited for once, and not taken. */
import { ShardRefused } from '@fractal-lba/shards/port'
import type { Clock } from '../clock.ts'
import { type EngineOptions, MigrationEngine } from '../engine.ts'
import { MigrationStopped } from '../stopped.ts'
import { CommandFailed, EXIT } from './exit-codes.ts'

export async function openEngine(
  options: EngineOptions,
  clock: Clock,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<MigrationEngine> {
  for (let waited = false; ; waited = true) {
    try {
      return await MigrationEngine.open(options)
    } catch (error) {
      const lease = heldBy(error)
      if (!lease) throw error
      if (waited)
        throw new CommandFailed(
          EXIT.refused,
          `${lease.holder} holds the lease and renews it: stop that process first, or take the lease from it with --take-over`,
          { cause: error },
        )
      warn(
        `Waiting ${Math.ceil(lease.remainingMs / 1000)} s for the lease of ${lease.holder} to run out (--take-over does not wait)`,
      )
      await clock.sleep(lease.remainingMs + 100, signal)
      if (signal.aborted) throw new CommandFailed(EXIT.interrupted, 'Stopped before anything was done.')
    }
  }
}

function heldBy(error: unknown) {
  const refused = error instanceof MigrationStopped ? error.cause : error
  return refused instanceof ShardRefused && refused.refusal.kind === 'lease-held' ? refused.refusal.lease : undefined
}
