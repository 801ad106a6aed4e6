/** What can be tuned about a migration, each with its unit and why its default is what it is. None of it changes what is correct. */

export interface MigrationSettings {
  /** Keys per copy call at most; undefined: what suits the store, see `batchKeysFor`. */
  readonly batchKeys: number | undefined
  /** Ceiling of the copy in keys per second; undefined: as fast as the shards go. */
  readonly throttleQps: number | undefined
  /** Time that all slots must have been kept in step, with the lag under its limit, before the first slot is cut over. */
  readonly soakMs: number
  /** Time after the last cutover before the certificate, and with it the point of no return. */
  readonly settleMs: number
  /** Captured writes may be this far behind. More means that a cutover would make writers wait. */
  readonly maxLagMs: number
  /** Longest time from the end of the copy until the lag must be under its limit; then the migration is not converging. */
  readonly convergeDeadlineMs: number
  /** Slots that are switched at once: their writers wait together, so more slots a batch means longer waits. */
  readonly switchSlots: number
}

export const DEFAULT_SETTINGS: MigrationSettings = {
  batchKeys: undefined,
  throttleQps: undefined,
  soakMs: 10_000,
  settleMs: 10_000,
  maxLagMs: 2000,
  convergeDeadlineMs: 600_000,
  switchSlots: 128,
}

/** A Redis script holds up everyone else while it runs, so its batches are small; a PostgreSQL commit waits for the disk, so its are large. */
const BATCH_KEYS = { memory: 1000, redis: 1000, postgres: 10_000 } as const

/** A batch is paid for in this part of a second, and several lanes pay at once: orders, leases and the gates must get their turn. */
const PACED_SECONDS = 1 / 16

/** @param ratePerSecond what the throttle gives now; Infinity while nothing holds it. A throttled copy goes in small steps, too. */
export function batchKeysFor(settings: MigrationSettings, kind: keyof typeof BATCH_KEYS, ratePerSecond: number): number {
  return Math.min(settings.batchKeys ?? BATCH_KEYS[kind], Math.ceil(ratePerSecond * PACED_SECONDS))
}

/** Records that expire within this time are left out of comparisons, so that neither side loses one between the two digests. */
export const EXPIRY_MARGIN_MS = 60_000

/** Captured records per read of the change log. */
export const FOLLOW_KEYS = 1000

/** How long a slice of any one action may last, so that leases, orders and the change log get their turn. */
export const SLICE_MS = 2000

/** Percent of the moving slots after each step. The first is a canary too small to hurt; the others grow with the trust in those before. */
export const DEFAULT_STEPS: readonly number[] = [1, 10, 50, 100]
