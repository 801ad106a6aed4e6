/**
 * Who gets the lease. A generation belongs to the first holder that took it at a shard: of two operators that picked the same number,
 * one is refused here, and from then on its fence is not higher than the other's.
 */
import type { Refusal } from './port.ts'

export interface StoredLease {
  readonly generation: number
  readonly holder: string
  /** By the shard's clock; kept after its end, since the generation stays its holder's. */
  readonly untilMs: number
}

export interface LeaseRequest {
  readonly holder: string
  readonly generation: number
  readonly ttlMs: number
  readonly takeOver: boolean
}

export function judgeLease(
  current: StoredLease | undefined,
  fence: number,
  request: LeaseRequest,
  nowMs: number,
): { readonly kind: 'granted'; readonly lease: StoredLease } | { readonly kind: 'refused'; readonly refusal: Refusal } {
  const takenBySomeoneElse = current?.generation === request.generation && current.holder !== request.holder
  if (request.generation < fence || takenBySomeoneElse) return { kind: 'refused', refusal: { kind: 'fenced', seen: fence } }
  const remainingMs = current ? current.untilMs - nowMs : 0
  if (current && remainingMs > 0 && current.holder !== request.holder && !request.takeOver) {
    const lease = { generation: current.generation, holder: current.holder, remainingMs }
    return { kind: 'refused', refusal: { kind: 'lease-held', lease } }
  }
  return { kind: 'granted', lease: { generation: request.generation, holder: request.holder, untilMs: nowMs + request.ttlMs } }
}
