/**
 * Changes the direction of a migration. First a new generation at every shard: a call that was made in the other direction and is still on its
 * way (an acquire, a discard) is refused from here on, so that going back and forth cannot meet its own past. Then the document.
 */
import type { PhaseContext } from './context.ts'

export async function turn(context: PhaseContext, direction: 'forward' | 'back'): Promise<void> {
  await context.lease.raise()
  context.places.clear()
  context.attested.clear()
  context.proven.clear()
  await context.ledger.update(() => ({
    direction,
    outcome: undefined,
    endedAtMs: undefined,
    copiedAtMs: undefined,
    verifiedAtMs: undefined,
    soakedAtMs: undefined,
    steps: [],
    cutOverAtMs: undefined,
    certificate: undefined,
  }))
}
