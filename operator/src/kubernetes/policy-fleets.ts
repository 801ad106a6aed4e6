/** The fleets of a namespace as policies meet them. What pods start with is the key `policies.json` of the fleet's ConfigMap. */
import type { PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { FoundFleet, PolicyFleet, PolicyFleets } from '../controllers/policies/fleets.ts'
import { FleetUnavailable, type PodReading, type PushResult } from '../fleet/port.ts'
import type { KubernetesFleet } from './fleet.ts'

export interface PolicyFleetsParts {
  readonly fleetOf: (instance: string | undefined) => KubernetesFleet
  readonly epoch: number
}

export class KubernetesPolicyFleets implements PolicyFleets {
  readonly #parts: PolicyFleetsParts

  constructor(parts: PolicyFleetsParts) {
    this.#parts = parts
  }

  find(name: string | undefined): FoundFleet {
    const fleet = this.#parts.fleetOf(name)
    try {
      return { kind: 'found', fleet: new KubernetesPolicyFleet(fleet, fleet.workload().metadata.name) }
    } catch (error) {
      if (!(error instanceof FleetUnavailable) || error.reason === 'FleetMisconfigured') throw error
      return { kind: 'missing', reason: error.reason, message: error.message }
    }
  }

  epoch(): number {
    return this.#parts.epoch
  }
}

class KubernetesPolicyFleet implements PolicyFleet {
  readonly key: string
  readonly #fleet: KubernetesFleet

  constructor(fleet: KubernetesFleet, key: string) {
    this.#fleet = fleet
    this.key = key
  }

  read(timeoutMs: number): Promise<readonly PodReading[]> {
    return this.#fleet.read(timeoutMs)
  }

  stable(): Promise<PoliciesPush | undefined> {
    return this.#fleet.stablePolicies()
  }

  keepStable(push: PoliciesPush): Promise<number | undefined> {
    return this.#fleet.keepStablePolicies(push)
  }

  push(pods: readonly string[], push: PoliciesPush, timeoutMs: number): Promise<readonly PushResult[]> {
    return this.#fleet.pushPoliciesTo(pods, push, timeoutMs)
  }
}
