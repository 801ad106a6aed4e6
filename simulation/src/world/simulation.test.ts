import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runSeed } from './run-seed.ts'
import { SIGHTS } from './seen.ts'

/** On a machine that does much else. */
const PATIENT = { timeout: 180_000 }

describe('lives of a fleet', () => {
  /** Together they see all of it. */
  const SEEDS = [2, 3, 5, 8, 9, 11, 19, 30, 36, 65]

  it('come past everything that they are meant to come past', PATIENT, async () => {
    const missing = new Set<string>(SIGHTS)
    for (const seed of SEEDS) for (const sight of (await runSeed(seed)).seen.keys()) missing.delete(sight)
    expect([...missing]).toEqual([])
  })
})

describe('a seed', () => {
  const SEEDS = [1, 2, 3, 5, 8, 13, 21, 34]

  it('gives the same run again, in this process and in another', PATIENT, async () => {
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

  it('gives the same run when its faults are given instead of drawn', PATIENT, async () => {
    let faults = 0
    for (const seed of SEEDS) {
      const drawn = await runSeed(seed)
      faults += drawn.faults.length
      expect((await runSeed(seed, { faults: drawn.faults })).digest).toBe(drawn.digest)
    }
    expect(faults).toBeGreaterThan(SEEDS.length)
  })
})
