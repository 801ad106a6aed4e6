/**
 * What a decision causes, once: the winner's effects. Each is idempotent by pcs_id or counts this process's own work; they run before
 * the entry is settled, so that an entry that is found unsettled runs them again.
 */

import type { Counters } from '../metrics/counters.ts'
import type { Tenant, Tenants } from '../tenants/tenants.ts'
import type { WalPosition } from '../wal/port.ts'
import type { Claim, Refused } from './examined.ts'

export interface EquivocationReport {
  readonly tenant: string
  readonly pcsId: string
  readonly position: WalPosition
}

export class Effects {
  readonly #counters: Counters
  readonly #tenants: Tenants
  readonly #onEquivocation: (report: EquivocationReport) => void

  constructor(counters: Counters, tenants: Tenants, onEquivocation: (report: EquivocationReport) => void) {
    this.#counters = counters
    this.#tenants = tenants
    this.#onEquivocation = onEquivocation
  }

  /** The claim is the key's first write. */
  won(tenant: string, claim: Claim): void {
    const counters = this.#counters
    const own = this.#tenants.find(tenant)?.counters
    if (claim.accepted) counters.accepted++
    if (claim.escalated) counters.escalated++
    if (claim.rendering >= 0) counters.renderings[claim.rendering]! += 1
    if (!own) return
    if (claim.accepted) own.accepted++
    if (claim.escalated) own.escalated++
  }

  /** Another submission had decided the key; `equivocation`: with other content. */
  lost(tenant: string, claim: Claim, position: WalPosition, equivocation: boolean): void {
    this.#counters.dedupHits++
    if (!equivocation) return
    this.#counters.equivocations++
    this.#onEquivocation({ tenant, pcsId: claim.pcsId, position })
  }

  refused(tenant: Tenant | undefined, refused: Refused): void {
    if (refused.code !== 'bad_signature') return
    this.#counters.signatureErrors++
    if (tenant) tenant.counters.signatureErrors++
  }
}
