/** Draws what goes wrong at a time of its own: whose machine, which way between two, for how long. */
import type { TimedFault } from './faults.ts'
import { between, chance, pick, randomOf } from './random.ts'
import type { Order, Scenario } from './scenario.ts'

/** Clocks of pods may be wrong by much; those of shards only a little, which is what the fleet rests on. */
const POD_CLOCK_MS = 20_000
const OPERATOR_CLOCK_MS = 2000
/** How wrong a shard's clock may be. */
export const SHARD_CLOCK_MS = 300

/** @param operators names of those that may be there */
export function drawTimedFaults(
  seed: number,
  scenario: Scenario,
  order: Order,
  operators: readonly string[],
): readonly TimedFault[] {
  const random = randomOf(seed, `timed-${order.index}`)
  const { shards, harshness } = scenario
  const { index, peaceAfterMs } = order
  const pods = Array.from({ length: scenario.pods }, (_, index) => `pod-${index}`)
  const clients = Array.from({ length: scenario.clients }, (_, index) => `client-${index}`)
  const count = Math.round(harshness * between(random, 0, 4))
  return Array.from({ length: count }, (): TimedFault => {
    const when = {
      order: index,
      atMs: between(random, 0, peaceAfterMs),
      forMs: between(random, 50, chance(random, 0.2) ? 5000 : 1200),
    }
    const lot = random()
    if (lot < 0.2) return { ...when, kind: 'crash', a: pick(random, pods) }
    if (lot < 0.35) return { ...when, kind: 'power', a: pick(random, pods) }
    if (lot < 0.5) return { ...when, kind: 'partition', a: pick(random, [...pods, ...operators]), b: pick(random, shards) }
    if (lot < 0.57) return { ...when, kind: 'partition', a: pick(random, [...clients, ...operators]), b: pick(random, pods) }
    if (lot < 0.6) return { ...when, kind: 'partition', a: pick(random, operators), b: 'api' }
    if (lot < 0.72) return { ...when, kind: 'down', a: pick(random, shards) }
    if (lot < 0.8) return { ...when, kind: 'slow-store', a: pick(random, shards), ms: between(random, 20, 400) }
    if (lot < 0.9) return clockFault()
    return { ...when, kind: 'full', a: pick(random, pods), ms: between(random, 0, 3000) }

    function clockFault(): TimedFault {
      const a = pick(random, [...pods, ...pods, ...operators, ...shards])
      const bound = pods.includes(a) ? POD_CLOCK_MS : operators.includes(a) ? OPERATOR_CLOCK_MS : SHARD_CLOCK_MS
      return { ...when, kind: 'clock', a, ms: between(random, -bound, bound) }
    }
  })
}
