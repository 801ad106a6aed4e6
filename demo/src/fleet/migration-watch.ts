/** Reads what the operator says about the migration, and makes rates of two readings. */
import { parse } from 'yaml'
import type { GateReading, MigrationReading } from '../view/snapshot.ts'

/** The parts of a ShardMigration's status that are shown. */
interface Status {
  readonly phase?: string
  readonly message?: string
  readonly progress?: { readonly keysCopied?: number; readonly totalKeys?: number; readonly percentage?: number }
  readonly decisions?: readonly { readonly action: string; readonly reason: string }[]
  readonly gates?: readonly {
    readonly metric: string
    readonly verdict: string
    readonly value?: number
    readonly threshold: number
  }[]
}

const UNITS: Record<string, string> = { maxLatencyP95: 'ms', maxErrorRate: '%', minDedupHitRatio: '%' }
const NAMES: Record<string, string> = { maxLatencyP95: 'p95', maxErrorRate: 'errors', minDedupHitRatio: 'dedup hits' }
/** Keys a second are told over about this long: a copy goes in batches, and one of them is no rate. */
const RATE_WINDOW_MS = 2000

/** @returns undefined for a text that has no status (yet). */
export function parseStatus(text: string): Status | undefined {
  const value = parse(text) as { status?: Status } | null
  return value?.status
}

export class MigrationWatch {
  readonly #now: () => number
  #text: string | undefined
  #status: Status | undefined
  #copied: { atMs: number; keys: number; phase: string }[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** @param text the status file, undefined before there is one. */
  read(text: string | undefined): MigrationReading | undefined {
    // A status is some pages of YAML, read several times a second, and changes less often than that.
    if (text !== this.#text) this.#status = text === undefined ? undefined : parseStatus(text)
    this.#text = text
    const status = this.#status
    if (!status?.phase) return undefined
    const { phase, progress, message = '' } = status
    const keysCopied = progress?.keysCopied ?? 0
    return {
      phase,
      percentage: progress?.percentage ?? 0,
      keysCopied,
      totalKeys: progress?.totalKeys ?? 0,
      keysPerSecond: this.#rate(phase, keysCopied),
      ended: endOf(status),
      message,
      gates: (status.gates ?? []).map(readGate),
    }
  }

  #rate(phase: string, keys: number): number {
    const atMs = this.#now()
    this.#copied = [
      ...this.#copied.filter((sample) => sample.phase === phase && atMs - sample.atMs <= RATE_WINDOW_MS),
      { atMs, keys, phase },
    ]
    const first = this.#copied[0]
    return first && first.atMs < atMs ? Math.max(0, ((keys - first.keys) * 1000) / (atMs - first.atMs)) : 0
  }
}

function endOf({ phase, decisions }: Status): MigrationReading['ended'] {
  if (phase === 'Completed') return 'Completed'
  if (phase !== 'Failed') return undefined
  // "Failed" is what users know this phase by; why it was entered says whether everything was put back.
  return decisions?.findLast(({ action }) => action === 'EnterFailed')?.reason === 'RolledBack' ? 'RolledBack' : 'Failed'
}

function readGate(gate: NonNullable<Status['gates']>[number]): GateReading {
  return {
    name: NAMES[gate.metric] ?? gate.metric,
    outcome: gate.verdict,
    value: gate.value,
    threshold: gate.threshold,
    unit: UNITS[gate.metric] ?? '',
  }
}
