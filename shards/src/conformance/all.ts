/** The whole contract of the port, run over one store kind; what needs a server to die is in faults.ts. */
import type { Bed } from './bed.ts'
import { describeCopying } from './copying.ts'
import { describeOwnership } from './ownership.ts'
import { describePuts } from './puts.ts'
import { describeVerifying } from './verifying.ts'

export function describeShard(bed: Bed): void {
  describePuts(bed)
  describeOwnership(bed)
  describeCopying(bed)
  describeVerifying(bed)
}
