import type { Generation } from '@fractal-lba/protocol/ring/slots'
import { expect, it } from 'vitest'
import { MUSEUM } from '../museum/all.ts'
import { A, B, copySlot, fence, onStage, putOf, SLOT } from '../museum/stage.ts'
import type { Variant } from '../world/variant.ts'
import { MUTANTS, variantOf } from './all.ts'
import { hunt } from './hunt.ts'

/** Twice and more what each needs at the time of writing: schedules change with the code that runs under them. */
const WITHIN = 300

const TURN = 'turn-without-new-generation'
const GENERATION_IGNORED = 'generation-ignored'
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
  const scheduled = [CLOCK_OF_THE_POD, TURN, GENERATION_IGNORED, ...MUSEUM.map(({ naive }) => naive.name)]
  expect(MUTANTS.filter(({ name, isRare }) => isRare && !scheduled.includes(name))).toEqual([])
})

/** A pod whose clock is an hour ahead puts a key that was decided for a minute. */
const withClocksApart = (variant: Variant) =>
  onStage(variant, async (stage) => {
    const [right, ahead] = [stage.process('pod-0'), stage.process('pod-1')]
    ahead.skewMs = 3_600_000
    await stage.data(A, right).put([putOf(1, right.now() + 60_000)], right.now() + 1000)
    await stage.data(A, ahead).put([putOf(1, ahead.now() + 60_000, { pod: 'pod-1' })], ahead.now() + 1000)
  })

it('that judge expiry by the clock of a pod decide a key twice, and ours does not', async () => {
  await expect(withClocksApart(variantOf(CLOCK_OF_THE_POD))).rejects.toThrow(/^once/)
  await withClocksApart(variantOf(undefined))
})

/** A slot was released, the target's acquire is late, and meanwhile the migration turns and the source takes the slot back. */
const turnBeforeAcquire = (variant: Variant) =>
  onStage(variant, async (stage) => {
    const engine = stage.process('engine')
    const [a, b] = [stage.control(A, engine), stage.control(B, engine)]
    const raise = async (generation: number) => {
      for (const shard of [a, b]) await shard.acquireLease({ holder: 'engine', generation, ttlMs: 60_000, takeOver: false })
    }
    const [before, after] = [fence(1, 'm'), fence(2, 'm')]
    await raise(1)
    await copySlot({ source: a, target: b, by: before, generation: 1 })
    await a.release(before, [SLOT], B)
    await raise(2)
    await a.acquire(after, [{ slot: SLOT, generation: 3 as Generation }], undefined)
    await b.acquire(before, [{ slot: SLOT, generation: 2 as Generation }], A)
  })

it.each([TURN, GENERATION_IGNORED])('of the name %s make two owners of a late call, which ours refuses', async (name) => {
  await expect(turnBeforeAcquire(variantOf(name))).rejects.toThrow(/^I1/)
  await expect(turnBeforeAcquire(variantOf(undefined))).rejects.toThrow(/a newer operator \(generation 2\)/)
})
