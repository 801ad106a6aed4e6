/** The whole contract of the port, run over one store kind. */
import type { Bed } from './bed.ts'
import { describePuts } from './puts.ts'

export function describeShard(bed: Bed): void {
  describePuts(bed)
}
