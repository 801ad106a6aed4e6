/**
 * What all verifier pods of a fleet run with, as one revisioned document. Its revision is a hash of its content: equal
 * content is the same revision wherever it was made, and a pod reports the revision that it runs (ARCHITECTURE.md, Config).
 */
import { hash } from 'node:crypto'
import type { SlotId } from '../ring/slots.ts'

export interface FleetConfig {
  /** Addresses of all shards a pod may meet; credentials included, so it goes over authenticated channels only. */
  readonly shards: readonly string[]
  /** While a migration cannot keep up, writers of these slots wait this long before each put (bounded, in the pod). */
  readonly slowdown?: { readonly slots: readonly SlotId[]; readonly delayMs: number }
}

/** A config on its way to a pod. A pod refuses a `generation` lower than one it has seen (a deposed operator). */
export interface ConfigPush {
  readonly generation: number
  readonly revision: string
  readonly config: FleetConfig
}

/** At most this many milliseconds may a slowdown ask for; pods clamp to it. */
export const MAX_SLOWDOWN_MS = 250

/** Content address of a config: 16 hex digits. */
export function revisionOf(config: FleetConfig): string {
  const slowdown = config.slowdown && { slots: config.slowdown.slots, delayMs: config.slowdown.delayMs }
  return hash('sha256', JSON.stringify({ shards: config.shards, ...(slowdown && { slowdown }) }), 'hex').slice(0, 16)
}
