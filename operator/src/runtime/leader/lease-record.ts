/** The Lease as the election reads and writes it. */
import type { KubeObject, ResourceType } from '../client/objects.ts'
import { microTime } from '../micro-time.ts'

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

export const LEASE: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

/** Transitions of a Lease that is made anew begin at the seconds since then, so that they exceed those of one that was deleted. */
const FIRST_EPOCH_MS = Date.UTC(2020, 0, 1)

export function holderOf(lease: Lease): string {
  return lease.spec?.holderIdentity ?? ''
}

/**
 * The Lease taken over. Every holder has a higher `leaseTransitions` than all before it, also where someone deleted the Lease: it is
 * the epoch that fences off deposed holders, so it must never fall back.
 */
export function acquired(
  present: Lease | undefined,
  as: {
    readonly namespace: string
    readonly name: string
    readonly identity: string
    readonly durationMs: number
    readonly nowMs: number
  },
): Lease {
  const now = microTime(as.nowMs)
  const transitions = present?.spec?.leaseTransitions
  return {
    ...present,
    metadata: present?.metadata ?? { namespace: as.namespace, name: as.name },
    spec: {
      ...present?.spec,
      holderIdentity: as.identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(as.durationMs / 1000)),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: transitions === undefined ? Math.max(1, Math.floor((as.nowMs - FIRST_EPOCH_MS) / 1000)) : transitions + 1,
    },
  }
}

export function renewed(held: Lease, nowMs: number): Lease {
  return { ...held, spec: { ...held.spec, renewTime: microTime(nowMs) } }
}

/** Nobody's: whoever waits may take it at once. */
export function released(held: Lease, nowMs: number): Lease {
  return { ...held, spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(nowMs) } }
}
