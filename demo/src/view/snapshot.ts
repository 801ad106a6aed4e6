/** Everything that a view can show of one moment. Views draw it; `fleet/watch.ts` makes it. */

export interface Snapshot {
  readonly elapsedMs: number
  readonly load: LoadReading
  readonly pods: readonly PodState[]
  /** Undefined where there is no migration (yet). */
  readonly migration: MigrationReading | undefined
  /** For each slot the index of the shard that owns it, or -1 where none does at this moment. Undefined: no shards, or none answered yet. */
  readonly slotOwners: Int8Array | undefined
}

/** As the agents see it. */
export interface LoadReading {
  readonly targetRate: number
  readonly requestsPerSecond: number
  readonly answered: number
  /** Of the answers of the last seconds; undefined without any. */
  readonly p95Ms: number | undefined
  readonly inFlight: number
  /** Attempts that were repeated because a pod did not answer, or answered 429 or 503. */
  readonly repeated: number
  /** Due submissions that were dropped because too many were unanswered. */
  readonly held: number
}

export interface PodState {
  readonly name: string
  readonly state: 'ready' | 'not ready' | 'down'
  readonly requestsPerSecond: number
  readonly p95Ms: number | undefined
}

export interface MigrationReading {
  readonly phase: string
  /** 0..100. */
  readonly percentage: number
  readonly keysCopied: number
  readonly totalKeys: number
  readonly keysPerSecond: number
  /** Undefined while it runs. */
  readonly ended: 'Completed' | 'RolledBack' | 'Failed' | undefined
  readonly message: string
  readonly gates: readonly GateReading[]
}

export interface GateReading {
  readonly name: string
  readonly outcome: string
  readonly value: number | undefined
  readonly threshold: number
  readonly unit: string
}
