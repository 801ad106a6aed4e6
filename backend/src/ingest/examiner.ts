/**
 * The contract of examination: parse, authenticate, verify (pipeline stages 3 to 5). It needs no store and no clock, so it may run
 * anywhere: `InlineExaminer` on the calling thread, `ThreadExaminer` on others.
 */
import type { Examined } from './examined.ts'

/** One submission to examine, whose bytes are on disk or on their way there. */
export interface Exhibit {
  readonly tenant: string
  readonly body: Buffer
  readonly receivedAtMs: number
  readonly position: { readonly segment: number; readonly offset: number }
}

export interface Examiner {
  /**
   * One finding an exhibit, in their order; never throws for what a client sent. Batches finish in the order in which they were given, so
   * that decisions can be made in the order of the log.
   */
  examine(batch: readonly Exhibit[]): Promise<readonly Examined[]>
  close(): Promise<void>
}
