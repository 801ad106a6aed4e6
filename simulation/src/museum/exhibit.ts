/** A bug that others had, as a schedule that anyone can play: red with the naive part in place of ours, green with ours. */
import type { Variant } from '../world/variant.ts'

export interface Exhibit {
  /** For the command line. */
  readonly name: string
  /** What happened, and where. */
  readonly happened: string
  readonly where: string
  /** Why it does not happen here. */
  readonly ours: string
  /** The part that others had there. */
  readonly naive: Variant
  /** @throws Error naming what does not hold. */
  readonly play: (variant: Variant) => Promise<void>
}

/** A bug that our product has no place for yet. */
export interface Empty {
  readonly name: string
  readonly happened: string
  readonly where: string
  /** With which part of the product its schedule comes. */
  readonly comesWith: string
}

/** @throws Error where it does not hold. */
export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
