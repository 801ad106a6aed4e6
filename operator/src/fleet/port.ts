/**
 * The contract of a fleet: the verifier pods that a controller watches and configures. Adapters: `local.ts` (processes on this
 * machine, listed in a file) and `kubernetes/fleet.ts` (the pods of a StatefulSet).
 */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'

export interface PodReading {
  readonly pod: string
  /** Undefined when the pod did not answer; then `error` says why. */
  readonly report: PodReport | undefined
  readonly error: string | undefined
}

export type PushResult =
  | { readonly pod: string; readonly kind: 'applied' }
  /** The pod has seen a higher generation: this operator was deposed and must stop. */
  | { readonly pod: string; readonly kind: 'fenced'; readonly seen: number }
  | { readonly pod: string; readonly kind: 'unreachable'; readonly error: string }

/** There is no fleet to speak of, or not the way to it; the message says what to do. */
export class FleetUnavailable extends Error {
  readonly reason: 'FleetNotFound' | 'FleetAmbiguous' | 'FleetMisconfigured'

  constructor(reason: FleetUnavailable['reason'], message: string) {
    super(message)
    this.name = 'FleetUnavailable'
    this.reason = reason
  }
}

export interface Fleet {
  /** False where there is no such fleet (any more), as far as can be told without asking anybody. */
  exists(): boolean
  /** One reading a pod that should be there, within `timeoutMs`; a pod that does not answer is a reading too. @throws FleetUnavailable */
  read(timeoutMs: number): Promise<readonly PodReading[]>
  /**
   * Makes `push` the desired config (for pods that start later) and gives it to every pod. Level-based: safe to repeat.
   * A pod that is unreachable gets it when it starts.
   */
  configure(push: ConfigPush, timeoutMs: number): Promise<readonly PushResult[]>
}
