/** What ends a migration's work on the spot. Expected outcomes are values; these are for what the caller has to look at. */

export type StopReason =
  /** Another process holds, or has taken, the lease. */
  | 'LeaseLost'
  /** The target holds other records than the source: someone else writes to it, or I1 is broken. */
  | 'Intruder'
  /** The plan that was approved is not the plan that would be made now. */
  | 'PlanStale'
  | 'PlanRefused'
  /** The digests of both sides do not meet: there is no certificate, and the migration has not succeeded. */
  | 'DigestsDiffer'

export class MigrationStopped extends Error {
  readonly reason: StopReason
  constructor(reason: StopReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'MigrationStopped'
    this.reason = reason
  }
}
