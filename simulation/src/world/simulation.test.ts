import { describe, expect, it } from 'vitest'
import { runSeed } from './run-seed.ts'

/** `SEED=123 npm test -- simulation` replays one life; `SEEDS=5000` runs more of them. */
const only = process.env.SEED
const count = Number(process.env.SEEDS ?? 300)
const BUDGET_MS = 8000

describe('a migration among crashes, late and lost calls, rival engines and changing orders', () => {
  it('keeps I1 to I4 at every moment and ends with each decision at its owner', { timeout: 600_000 }, async () => {
    const startedAt = performance.now()
    const outcomes = { completed: 0, 'rolled-back': 0 }
    let lives = 0
    const seeds = only === undefined ? Array.from({ length: count }, (_, seed) => seed + 1) : [Number(only)]
    for (const seed of seeds) {
      if (process.env.SEEDS === undefined && performance.now() - startedAt > BUDGET_MS) break
      const life = await runSeed(seed).catch((cause) => {
        throw new Error(`seed ${seed}: ${(cause as Error).message} (replay: SEED=${seed} npm test -- simulation)`, { cause })
      })
      lives++
      outcomes[life.outcome]++
    }
    if (only === undefined) expect(outcomes.completed).toBeGreaterThan(0)
    if (only === undefined) expect(outcomes['rolled-back']).toBeGreaterThan(0)
    console.log(`simulated ${lives} lives:`, outcomes)
  })
})
