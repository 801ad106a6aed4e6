import { expect, it } from 'vitest'
import { MUSEUM } from '../museum/all.ts'
import { A, onStage, putOf } from '../museum/stage.ts'
import type { Variant } from '../world/variant.ts'
import { MUTANTS, variantOf } from './all.ts'
import { hunt } from './hunt.ts'

/** Twice and more what each needs at the time of writing: schedules change with the code that runs under them. */
const WITHIN = 300

const CLOCK_OF_THE_POD = 'expiry-by-the-clock-of-the-pod'

it('are at least twenty, each with a name and a bug of its own', () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(20)
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
  expect(new Set(MUTANTS.map(({ bug }) => bug)).size).toBe(MUTANTS.length)
})

it('are found within some hundred lives', { timeout: 900_000 }, async () => {
  const hunted = await hunt({
    mutants: MUTANTS.filter(({ isRare }) => !isRare),
    within: WITHIN,
    jobs: 2,
    signal: new AbortController().signal,
    onHunted: ({ mutant, seeds, violated }) => console.log(`${mutant.name}: ${seeds ?? 'not found'} ${violated?.property ?? ''}`),
  })
  expect(hunted.filter(({ seeds }) => seeds === undefined).map(({ mutant }) => mutant.name)).toEqual([])
})

it('have a schedule of their own where they are rare', async () => {
  const scheduled = [CLOCK_OF_THE_POD, ...MUSEUM.map(({ naive }) => naive.name)]
  expect(MUTANTS.filter(({ name, isRare }) => isRare && !scheduled.includes(name))).toEqual([])
})

/** A pod whose clock is an hour ahead puts a key that was decided for a minute. */
const play = (variant: Variant) =>
  onStage(variant, async (stage) => {
    const [right, ahead] = [stage.process('pod-0'), stage.process('pod-1')]
    ahead.skewMs = 3_600_000
    await stage.data(A, right).put([putOf(1, right.now() + 60_000)], right.now() + 1000)
    await stage.data(A, ahead).put([putOf(1, ahead.now() + 60_000, { pod: 'pod-1' })], ahead.now() + 1000)
  })

it('that judge expiry by the clock of a pod decide a key twice, and ours does not', async () => {
  await expect(play(variantOf(CLOCK_OF_THE_POD))).rejects.toThrow(/^once/)
  await play(variantOf(undefined))
})
