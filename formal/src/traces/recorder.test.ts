import { runSeed } from '@fractal-lba/simulation/world/run-seed'
import { expect, it } from 'vitest'
import { NO_DOCUMENT } from './abstract-state.ts'
import { recordLife } from './recorder.ts'

const SEED = 3
/** On a machine that is busy with other things. */
const TIMEOUT_MS = 120_000

it('watches without a trace: the life is the one that the seed gives anyway', { timeout: TIMEOUT_MS }, async () => {
  const scenario = { ttlMs: new Map<string, number>(), longPauseAtMs: undefined }
  const { life, traces } = await recordLife(SEED)
  expect(life.digest).toBe((await runSeed(SEED, { scenario })).digest)
  expect(traces.length).toBeGreaterThan(0)
})

it('begins a slot before its migration, and writes down changes only', { timeout: TIMEOUT_MS }, async () => {
  for (const { states } of (await recordLife(SEED)).traces) {
    expect(states[0]?.doc).toEqual(NO_DOCUMENT)
    expect(states[1]?.doc.dir).toBe('forward')
    for (const [index, state] of states.entries()) if (index > 1) expect(state).not.toEqual(states[index - 1])
  }
})
