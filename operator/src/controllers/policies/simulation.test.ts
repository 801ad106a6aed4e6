import type { Policies } from '@fractal-lba/protocol/config/policies'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WELL } from '../../rollout/testing/simulated-traffic.ts'
import { crrSpec, PolicyWorld, tieringSpec } from './testing/policy-world.ts'

/** What may happen to policies, pods and operators at any moment. */
type Happening =
  | { readonly kind: 'spec'; readonly of: 'tiering' | 'crr'; readonly bad: boolean }
  | { readonly kind: 'delete'; readonly of: 'tiering' | 'crr' }
  | { readonly kind: 'verb'; readonly of: 'tiering' | 'crr'; readonly verb: 'pause' | 'resume' | 'abort' | 'retry' }
  | { readonly kind: 'pod-down' | 'pod-up'; readonly pod: number }
  | { readonly kind: 'new-pod' }
  | { readonly kind: 'new-leader' }
  | { readonly kind: 'api-down'; readonly calls: number }

const of = fc.constantFrom('tiering', 'crr')
const happening = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('spec'), of, bad: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), of }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('verb'), of, verb: fc.constantFrom('pause', 'resume', 'abort', 'retry') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pod-down', 'pod-up'), pod: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('new-pod') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('new-leader') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('api-down'), calls: fc.integer({ min: 1, max: 20 }) }) },
) as fc.Arbitrary<Happening>

const script = fc.array(fc.tuple(happening, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 12 })
const SEED = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }

/** A number that tells specs apart, of which odd ones do harm. */
const isBad = ({ tiering, crr }: Policies): boolean =>
  (tiering !== undefined && tiering.demotionIntervalMs % 2000 !== 0) || (crr !== undefined && crr.shipIntervalMs % 2000 !== 0)

function apply(world: PolicyWorld, what: 'tiering' | 'crr', number: number): void {
  if (what === 'tiering') world.tiering.apply('tiers', tieringSpec({ demotionInterval: `${number}s` }))
  else world.crr.apply('regions', crrSpec({ shipInterval: `${number}s` }))
}

describe('whatever happens to policies, pods and operators', () => {
  it('pods start with nothing that does harm, one document is rolled out at a time, and the last good ones are in force', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (happenings) => {
        const world = new PolicyWorld(4)
        world.behaviour = (pod) => (isBad(pod.push.policies) ? { ...WELL, failedShare: 0.5 } : WELL)
        let highest = 0
        const holds = () => {
          expect(isBad(world.kept?.policies ?? {})).toBe(false)
          const foreign = new Set(world.pods.map((pod) => pod.push.revision))
          expect(foreign.size).toBeLessThanOrEqual(3)
          expect(world.kept?.epoch ?? 0).toBeGreaterThanOrEqual(highest)
          highest = world.kept?.epoch ?? 0
          return false
        }
        let count = 10
        for (const [what, seconds] of happenings) {
          const objects = 'of' in what ? (what.of === 'crr' ? world.crr : world.tiering) : undefined
          const name = 'of' in what && what.of === 'crr' ? 'regions' : 'tiers'
          if (what.kind === 'spec') {
            count += 2
            apply(world, what.of, what.bad ? count + 1 : count)
          }
          if (what.kind === 'delete' && objects?.has(name)) objects.delete(name)
          if (what.kind === 'verb' && objects?.has(name)) objects.give(name, what.verb)
          if (what.kind === 'pod-down' || what.kind === 'pod-up') {
            const pod = world.pods[what.pod]
            if (pod) pod.down = what.kind === 'pod-down'
          }
          if (what.kind === 'new-pod' && world.pods.length < 8) world.addPod()
          if (what.kind === 'new-leader') world.takeOver()
          if (what.kind === 'api-down') world.failing = what.calls
          await world.run(seconds, holds)
        }
        for (const pod of world.pods) pod.down = false
        for (const [objects, name] of [
          [world.tiering, 'tiers'],
          [world.crr, 'regions'],
        ] as const)
          if (objects.has(name)) objects.give(name, 'resume', 'at the end')
        // What is being deleted goes first; then both exist, and are good.
        await world.run(120, holds)
        apply(world, 'tiering', 2)
        apply(world, 'crr', 4)
        await world.until('both are in force on every pod', () => {
          holds()
          const { tiering, crr } = world.kept?.policies ?? {}
          const wanted = tiering?.demotionIntervalMs === 2000 && crr?.shipIntervalMs === 4000
          return (
            wanted &&
            world.running(world.kept?.revision) === world.pods.length &&
            world.tiering.status('tiers').active &&
            world.crr.status('regions').active
          )
        })
      }),
      { numRuns: 40, ...SEED },
    )
  }, 60_000)
})
