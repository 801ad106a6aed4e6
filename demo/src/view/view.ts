/** How a run is shown: a live frame on a terminal, plain lines elsewhere. */
import type { RunEvent } from './events.ts'
import type { Snapshot } from './snapshot.ts'

export interface View {
  event(event: RunEvent): void
  show(snapshot: Snapshot): void
  /** Leaves the screen as a person would want to find it. Idempotent. */
  close(): void
}

export function clock(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}
