/** What the run and a load process say to each other. */
export interface LoadOrders {
  /** Of this process; its keys are its own. */
  readonly name: string
  readonly seed: number
  readonly tenant: string
  readonly hmacKey: string
  readonly pods: readonly { readonly name: string; readonly url: string }[]
  /** Errands under way at once. */
  readonly lanes: number
  /** At most so many attempts a second. */
  readonly ratePerSecond: number
  readonly journal: string
  /** Of the clock that all processes of this machine share: when the run began, in microseconds. */
  readonly zeroUs: number
}

export type ToLoad =
  | { readonly kind: 'start'; readonly orders: LoadOrders }
  | { readonly kind: 'pace'; readonly ratePerSecond: number }
  | { readonly kind: 'stop' }

/** Cumulative; told every half second, and once more at the end. */
export interface LoadTally {
  readonly operations: number
  readonly keys: number
  readonly accepted: number
  readonly escalated: number
  readonly disputed: number
  readonly unknown: number
  readonly refused: number
  readonly done: boolean
}
