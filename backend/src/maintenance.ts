/**
 * Work that is done now and then, beside the submissions: checkpoints of the store, deletion of log segments that nobody needs, and
 * the slow sweep of expired records. A failure of it is logged and tried again at its next turn; no submission depends on it.
 */
import type { OpenedStore } from './stores/opened-store.ts'
import type { Clock } from './time/clock.ts'
import type { OpenedWal } from './wal/open.ts'

const HOUSEKEEPING_EVERY_MS = 60_000
/** All 16384 slots in some seventy minutes. */
const SWEEP_EVERY_MS = 250

export interface MaintenanceParts {
  readonly opened: OpenedStore
  readonly log: Pick<OpenedWal<never>, 'deleteOldSegments'>
  readonly currentSegment: () => number
  readonly clock: Clock
  readonly onFailed: (what: string, error: unknown) => void
}

export class Maintenance {
  readonly #parts: MaintenanceParts
  readonly #cancels = new Map<() => void, () => void>()
  #running: Promise<void> = Promise.resolve()
  #sweeping = false

  constructor(parts: MaintenanceParts) {
    this.#parts = parts
    this.#every(HOUSEKEEPING_EVERY_MS, () => this.#housekeeping())
    this.#every(SWEEP_EVERY_MS, () => this.#sweep())
  }

  /** @returns once what was under way has ended. */
  async stop(): Promise<void> {
    for (const cancel of this.#cancels.values()) cancel()
    await this.#running
  }

  #every(ms: number, run: () => void): void {
    const tick = () => {
      this.#cancels.set(run, this.#parts.clock.after(ms, tick))
      run()
    }
    this.#cancels.set(run, this.#parts.clock.after(ms, tick))
  }

  #housekeeping(): void {
    this.#running = this.#running.then(async () => {
      const { opened, log, currentSegment, clock, onFailed } = this.#parts
      try {
        const keepFrom = await opened.checkpoint(currentSegment(), false)
        await log.deleteOldSegments({ nowMs: clock.nowMs(), keepFrom })
      } catch (error) {
        onFailed('housekeeping', error)
      }
    })
  }

  #sweep(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#parts.opened
      .sweep()
      .catch((error) => this.#parts.onFailed('sweeping expired records', error))
      .finally(() => {
        this.#sweeping = false
      })
  }
}
