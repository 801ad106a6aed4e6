/** The fleets of a namespace as policies meet them: what their pods run, what new pods shall start with, and a way to give pods others. */
import type { PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { PodReading, PushResult } from '../../fleet/port.ts'

export interface PolicyFleet {
  /** Names the fleet, e.g. by its release; equal for equal fleets. */
  readonly key: string
  /** One reading a pod that should be there; a pod that does not answer is a reading too. */
  read(timeoutMs: number): Promise<readonly PodReading[]>
  /** What has passed its gates, and pods that start are given. Undefined before the first was kept. */
  stable(): Promise<PoliciesPush | undefined>
  /** Makes it what pods start with. @returns a higher epoch that is there already, else undefined. */
  keepStable(push: PoliciesPush): Promise<number | undefined>
  /** Gives it to these pods. Safe to repeat. */
  push(pods: readonly string[], push: PoliciesPush, timeoutMs: number): Promise<readonly PushResult[]>
}

export type FoundFleet =
  | { readonly kind: 'found'; readonly fleet: PolicyFleet }
  | { readonly kind: 'missing'; readonly reason: 'FleetNotFound' | 'FleetAmbiguous'; readonly message: string }

export interface PolicyFleets {
  /** @param name of `spec.fleet`; undefined stands for the only one there is */
  find(name: string | undefined): FoundFleet
  /** Of the leadership under which this process acts; grows with each leader. Pods refuse a lower one than they have seen. */
  epoch(): number
}
