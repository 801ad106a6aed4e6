import { expect, it } from 'vitest'
import type { Fault, FaultPlan } from '../world/faults.ts'
import type { Violated } from './life.ts'
import { shrink } from './shrink.ts'

const FAULTS: FaultPlan = Array.from({ length: 20 }, (_, index): Fault => ({ at: `a>b#${index}`, kind: 'slow', ms: 1 }))
const failing: Violated = { kind: 'violated', seed: 1, turn: 9, property: 'I1', message: 'I1: two owners', faults: FAULTS }
const needs = (...indexes: readonly number[]) => {
  const needed = indexes.map((index) => FAULTS[index] as Fault)
  return async (plan: FaultPlan) => (needed.every((fault) => plan.includes(fault)) ? { ...failing, faults: plan } : undefined)
}

it.each([[[]], [[7]], [[0, 19]], [[3, 4, 11]]])('leaves exactly the faults that the failure needs: %j', async (needed) => {
  const shrunk = await shrink(failing, needs(...needed), () => false)
  expect(shrunk.violated.faults).toEqual(needed.map((index) => FAULTS[index]))
  expect(shrunk.minimal).toBe(true)
})

it('finds a fault superfluous that only another one made necessary', async () => {
  const [first, second] = [FAULTS[2] as Fault, FAULTS[5] as Fault]
  // The first is needed as long as the second is there.
  const attempt = async (plan: FaultPlan) =>
    plan.includes(first) || !plan.includes(second) ? { ...failing, faults: plan } : undefined
  expect((await shrink({ ...failing, faults: [first, second] }, attempt, () => false)).violated.faults).toEqual([])
})

it('gives what it has when its time is up, and says that it may not be all', async () => {
  let attempts = 0
  const shrunk = await shrink(
    failing,
    async (plan) => {
      attempts++
      return needs(0)(plan)
    },
    () => attempts >= 2,
  )
  expect(shrunk).toMatchObject({ attempts: 2, minimal: false })
  expect(shrunk.violated.faults.length).toBeLessThanOrEqual(FAULTS.length)
})
