/**
 * The tenants that this verifier serves, each with its quota and its counters. A request finds its tenant by its `X-Tenant-Id` header;
 * without one it is the tenant `default`, if there is such.
 */
import type { TenantKeys } from '../verify/tenant-keys.ts'
import { TokenBucket } from './token-bucket.ts'

export const DEFAULT_TENANT = 'default'

/** What a tenant did, since the start; read by the exposition of metrics. */
export interface TenantCounters {
  ingested: number
  accepted: number
  escalated: number
  quotaExceeded: number
  signatureErrors: number
}

export interface Tenant {
  readonly id: string
  readonly bucket: TokenBucket
  readonly counters: TenantCounters
}

export class Tenants {
  readonly #byId = new Map<string, Tenant>()

  constructor(keys: readonly TenantKeys[], ratePerSecond: number, nowMs: number) {
    for (const { id } of keys) {
      this.#byId.set(id, {
        id,
        bucket: new TokenBucket(ratePerSecond, nowMs),
        counters: { ingested: 0, accepted: 0, escalated: 0, quotaExceeded: 0, signatureErrors: 0 },
      })
    }
  }

  /** Undefined for a tenant that nobody configured. */
  find(header: string | undefined): Tenant | undefined {
    return this.#byId.get(header ?? DEFAULT_TENANT)
  }

  all(): Iterable<Tenant> {
    return this.#byId.values()
  }
}
