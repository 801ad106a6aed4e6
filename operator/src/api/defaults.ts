/** Defaults of a `ShardMigration`, each with its unit and its reason. The schema, the sample and the docs show the same values. */

/** Keys read and written per copy call: large enough to hide a round trip, small enough for a few milliseconds of server time. */
export const DEFAULT_BATCH_SIZE = 1000
/** Ceiling of the copy in keys per second; what is left to the fleet's own traffic matters more than a fast copy. */
export const DEFAULT_THROTTLE_QPS = 1000
/** Milliseconds of the fleet's p95 above which users notice a migration. */
export const DEFAULT_MAX_LATENCY_P95_MS = 200
/** Percent of submissions answered with 5xx. */
export const DEFAULT_MAX_ERROR_RATE_PERCENT = 1
/** Percent of decided submissions that were duplicates; a sudden fall means that records are not found where they should be. */
export const DEFAULT_MIN_DEDUP_HIT_RATIO_PERCENT = 40

/** Seconds of traffic that one measurement looks at: long enough that a single slow request does not decide. */
export const DEFAULT_GATE_WINDOW_SECONDS = 30
/** Seconds between two measurements. */
export const DEFAULT_GATE_INTERVAL_SECONDS = 5
/** Samples below which a measurement says NoData: a p95 of fewer is mostly chance. */
export const DEFAULT_GATE_MIN_SAMPLES = 100
/** A gate fails at 2 failed measurements of the last 3: one blip is forgiven, a trend is not. */
export const DEFAULT_GATE_FAILURES = 2
export const DEFAULT_GATE_OF = 3

/** Percent of the moving slots that are cut over after each step; the first is a canary small enough to lose nothing by. */
export const DEFAULT_STEPS_PERCENT: readonly number[] = [1, 10, 50, 100]
/** Seconds a cutover step is watched at least, before the next. */
export const DEFAULT_STEP_SECONDS = 10
/** Seconds in DualWrite before the cutover, and after the last step before the point of no return. */
export const DEFAULT_SOAK_SECONDS = 60
/** Seconds that captured writes may be behind; more means that a cutover would make writers wait. */
export const DEFAULT_MAX_LAG_SECONDS = 5
/** Seconds without progress (or without an answer from a gate that holds) before a migration counts as stuck. */
export const DEFAULT_PROGRESS_DEADLINE_SECONDS = 600
/** Points a shard on the consistent-hash circle: must be the pods' `DEDUP_VNODES`, so it is the same constant. */
export { DEFAULT_VNODES, MAX_VNODES } from '@fractal-lba/protocol/ring/ring'

/** How often a CRRPolicy looks for sealed segments: a third or less of the lag that its gate allows. */
export const DEFAULT_SHIP_INTERVAL = '30s'
/** Of 1 to 10; in the middle, so that others can be put before and behind. */
export const DEFAULT_PRIORITY = 5
/** Uploads of one segment that may fail before it counts as a ship error; the segment is tried again with the next interval. */
export const DEFAULT_MAX_RETRIES = 3
/** Seconds between the sealing of the newest applied segment and now. */
export const DEFAULT_MAX_REPLICATION_LAG_SECONDS = 60
/** Failed shipments in an hour. */
export const DEFAULT_MAX_SHIP_ERRORS = 10
/** Percent of the buckets of a comparison that differ. */
export const DEFAULT_MAX_DIVERGENCE_PERCENT = 5

/** How often a TieringPolicy looks for records to move down: often enough that a tier is over its age limit by little. */
export const DEFAULT_DEMOTION_INTERVAL = '5m'
/** 0: not compressed, what a tier that answers within milliseconds needs. */
export const DEFAULT_COMPRESSION_LEVEL = 0
/** Milliseconds that each tier may take to answer: memory, a database in the region, an object store. */
export const DEFAULT_TARGET_LATENCY_P95_MS = { hot: 5, warm: 50, cold: 500 } as const

/** Percent of the pods that run a policy's new revision after each step; one pod is the canary of all but the largest fleets. */
export const DEFAULT_POLICY_STEPS_PERCENT: readonly number[] = [10, 50, 100]
/** A policy moves no records while it is rolled out, so a fleet with few duplicates is no reason to take it back. */
export const DEFAULT_POLICY_MIN_DEDUP_HIT_RATIO_PERCENT = 0
