/** What the demo and an agent process say to each other. */
import type { HistogramSnapshot } from '@fractal-lba/protocol/telemetry/histogram'

export interface AgentOrders {
  readonly name: string
  readonly tenant: string
  readonly hmacKey: string
  readonly pods: readonly { readonly name: string; readonly url: string }[]
  readonly ratePerSecond: number
  readonly seed: number
  /** Which part of the data set's windows are this agent's. */
  readonly share: { readonly index: number; readonly of: number }
  readonly journal: string
}

export type ToAgent = { readonly kind: 'start'; readonly orders: AgentOrders } | { readonly kind: 'stop' }

/** Cumulative since the agent began to send; told every half second. */
export interface AgentTally {
  readonly atMs: number
  readonly answered: number
  readonly inFlight: number
  readonly repeated: number
  readonly held: number
  readonly refused: number
  readonly unanswered: number
  readonly latency: HistogramSnapshot
}
