import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runSeed } from './run-seed.ts'

/** `SEED=123 npm test -- simulation/src/world` replays one life; `SEEDS=5000` runs more of them. */
const only = process.env.SEED
const count = Number(process.env.SEEDS ?? 300)
const BUDGET_MS = 8000

describe('a fleet among crashes, late and lost calls, rival operators and changing orders', () => {
  it('keeps I1 to I4 at every moment and ends with each decision at its owner', { timeout: 600_000 }, async () => {
    const startedAt = performance.now()
    const outcomes = { completed: 0, 'rolled-back': 0 }
    let lives = 0
    const seeds = only === undefined ? Array.from({ length: count }, (_, seed) => seed + 1) : [Number(only)]
    for (const seed of seeds) {
      if (process.env.SEEDS === undefined && performance.now() - startedAt > BUDGET_MS) break
      const life = await runSeed(seed)
      lives++
      outcomes[life.outcome]++
    }
    if (only === undefined) expect(outcomes.completed).toBeGreaterThan(0)
    if (only === undefined) expect(outcomes['rolled-back']).toBeGreaterThan(0)
    console.log(`simulated ${lives} lives in ${Math.round(performance.now() - startedAt)} ms:`, outcomes)
  })
})

describe('a seed', () => {
  const SEEDS = [1, 2, 3, 5, 8, 13, 21, 34]

  it('gives the same run again, in this process and in another', async () => {
    const digests = async () => {
      const found: string[] = []
      for (const seed of SEEDS) found.push((await runSeed(seed)).digest)
      return found
    }
    const first = await digests()
    expect(new Set(first).size).toBe(SEEDS.length)
    expect(await digests()).toEqual(first)
    const program = `import { runSeed } from '${import.meta.dirname}/run-seed.ts'
      for (const seed of ${JSON.stringify(SEEDS)}) console.log((await runSeed(seed)).digest)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
    expect(stdout.trim().split('\n')).toEqual(first)
  })

  it('gives the same run when its faults are given instead of drawn', async () => {
    let faults = 0
    for (const seed of SEEDS) {
      const drawn = await runSeed(seed)
      faults += drawn.faults.length
      expect((await runSeed(seed, { faults: drawn.faults })).digest).toBe(drawn.digest)
    }
    expect(faults).toBeGreaterThan(SEEDS.length)
  })
})
