/**
 * Sees to it that pods run the config that the fleet is meant to have, whenever they come: a pod that starts reads the desired config
 * from a file that may be a minute old, and a push may be lost. What is desired is decided elsewhere; here it is only carried.
 */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PodReading, PushResult } from '../../fleet/port.ts'
import type { ReconcileResult } from '../../runtime/reconcile.ts'

export interface ConfiguredFleet {
  /** Undefined where nothing was ever desired: pods then run what their environment says. */
  desired(): Promise<ConfigPush | undefined>
  read(timeoutMs: number): Promise<readonly PodReading[]>
  /** Gives the config to these pods, without changing what is desired. */
  pushTo(pods: readonly string[], push: ConfigPush, timeoutMs: number): Promise<readonly PushResult[]>
}

export interface FleetConfigParts {
  /** By the name of its StatefulSet; undefined where there is none. */
  readonly fleetOf: (name: string) => ConfiguredFleet | undefined
  readonly log: (message: string) => void
}

const READ_TIMEOUT_MS = 2_000
const PUSH_TIMEOUT_MS = 5_000
/** Between two looks at pods that do not run it yet. */
const RETRY_MS = 3_000

export class FleetConfigController {
  readonly #parts: FleetConfigParts

  constructor(parts: FleetConfigParts) {
    this.#parts = parts
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const fleet = this.#parts.fleetOf(name)
    const desired = await fleet?.desired()
    if (!fleet || !desired) return { kind: 'done' }
    const { behind, unseen } = differing(desired, await fleet.read(READ_TIMEOUT_MS))
    if (signal.aborted) return { kind: 'done' }
    if (behind.length > 0) {
      this.#parts.log(`${name}: gives ${behind.join(', ')} the config ${desired.revision}`)
      for (const result of await fleet.pushTo(behind, desired, PUSH_TIMEOUT_MS))
        if (result.kind === 'unreachable') this.#parts.log(`${name}: ${result.pod} did not take it: ${result.error}`)
    }
    // A pod that comes up later wakes this by itself; one that is up and does not answer is looked at again.
    return behind.length + unseen.length > 0 ? { kind: 'requeue', afterMs: RETRY_MS } : { kind: 'done' }
  }
}

/** A pod that has seen a higher generation knows better: the desired config is about to follow. */
export function differing(
  desired: ConfigPush,
  readings: readonly PodReading[],
): { readonly behind: readonly string[]; readonly unseen: readonly string[] } {
  return {
    behind: readings
      .filter(({ report }) => report && report.configRevision !== desired.revision && report.generation <= desired.generation)
      .map(({ pod }) => pod),
    unseen: readings.filter(({ report }) => report === undefined).map(({ pod }) => pod),
  }
}
