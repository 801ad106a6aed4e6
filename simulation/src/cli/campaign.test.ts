import { cpus } from 'node:os'
import { describe, expect, it } from 'vitest'
import { runCampaign } from './campaign.ts'

const SEEDS = 500

describe('a fleet among crashes, lost and late messages, partitions, wrong clocks, failing disks and rival operators', () => {
  it('keeps every promise in each of five hundred lives', { timeout: 600_000 }, async () => {
    const startedAt = performance.now()
    const { lives, turns, outcomes, violations } = await runCampaign({
      from: 1,
      seeds: SEEDS,
      untilMs: undefined,
      jobs: Math.min(2, cpus().length),
      signal: new AbortController().signal,
    })
    const found = violations.map(({ seed, message }) => `seed ${seed}: ${message} (npm run sim -- --seed ${seed} --trace)`)
    expect(found).toEqual([])
    expect(lives).toBe(SEEDS)
    expect(outcomes.completed).toBeGreaterThan(SEEDS / 4)
    expect(outcomes['rolled-back']).toBeGreaterThan(SEEDS / 20)
    console.log(`simulated ${lives} lives of ${turns} turns in ${Math.round(performance.now() - startedAt)} ms:`, outcomes)
  })
})
