/** A plausible bug, put into one of the seams of a simulated life: a port is wrapped, and one of its calls does something else. */
import type { Variant } from '../world/variant.ts'

export interface Mutant {
  /** For the command line. */
  readonly name: string
  /** What is wrong, in a sentence. */
  readonly bug: string
  /** What it takes to do harm comes together in fewer than one of some hundred lives; it has a schedule of its own, here or in the museum. */
  readonly isRare?: boolean
  readonly variant: Omit<Variant, 'name'>
}

/** Our part, of which some members are others. */
export function instead<T extends object>(ours: T, others: Partial<T>): T {
  return new Proxy(ours, {
    get(target, name) {
      const other: unknown = Reflect.get(others, name)
      if (other !== undefined) return other
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}
