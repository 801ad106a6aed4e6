/**
 * Which policy a fleet follows where there are several: of one kind a fleet takes one, and of both kinds one is rolled out at a time, since
 * pods run one document. Pure, and the same from whichever side it is asked.
 */
export interface Claimant {
  readonly kind: string
  readonly name: string
  readonly uid: string
  /** Undefined: of none. */
  readonly fleet: string | undefined
  readonly createdAtMs: number
  /** It has begun to change the pods, and has not been taken back as a whole. */
  readonly inForce: boolean
  /** Its rollout, or the taking back of it, is under way. */
  readonly moving: boolean
  readonly deletionRequested: boolean
}

/** @returns the policy of the same kind that goes first: one in force, else the oldest. */
export function conflictOf(self: Claimant, others: readonly Claimant[]): string | undefined {
  const rivals = others.filter((other) => other.kind === self.kind && other.uid !== self.uid && sameFleet(self, other))
  return rivals.find((rival) => goesBefore(rival, self))?.name
}

/** @returns a policy that is being rolled out, which this one waits for. */
export function waitsFor(self: Claimant, others: readonly Claimant[]): string | undefined {
  const moving = others.filter((other) => other.uid !== self.uid && other.moving && sameFleet(self, other))
  const before = moving.find(
    (other) =>
      !self.moving || other.createdAtMs < self.createdAtMs || (other.createdAtMs === self.createdAtMs && other.uid < self.uid),
  )
  return before && `${before.kind} ${before.name}`
}

const sameFleet = (a: Claimant, b: Claimant): boolean => a.fleet !== undefined && a.fleet === b.fleet

function goesBefore(a: Claimant, b: Claimant): boolean {
  if (a.inForce !== b.inForce) return a.inForce
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs < b.createdAtMs
  return a.uid < b.uid
}
