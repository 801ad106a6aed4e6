import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOLD } from './observed.ts'
import { type Behaviour, SimulatedStatefulSet, WELL } from './testing/statefulset.ts'

/** What may happen to a fleet at any moment. */
type Happening =
  | { readonly kind: 'template'; readonly bad: 'not' | 'slow' | 'failing' | 'never-ready' | 'crashing' }
  | { readonly kind: 'scale'; readonly replicas: number }
  | { readonly kind: 'verb'; readonly verb: 'pause' | 'resume' | 'abort' | 'retry' }
  | { readonly kind: 'new-operator'; readonly statusLost: boolean }
  | { readonly kind: 'api-down'; readonly calls: number }

const { readyAfterMs: _, ...neverReady } = WELL
const BEHAVIOURS: Record<Extract<Happening, { kind: 'template' }>['bad'], Behaviour> = {
  not: WELL,
  slow: { ...WELL, latencyMs: 500 },
  failing: { ...WELL, failedShare: 0.5 },
  'never-ready': neverReady,
  crashing: { ...neverReady, reason: 'CrashLoopBackOff' },
}

const happening = fc.oneof(
  fc.record({
    kind: fc.constant('template' as const),
    bad: fc.constantFrom('not', 'slow', 'failing', 'never-ready', 'crashing') as fc.Arbitrary<
      Extract<Happening, { kind: 'template' }>['bad']
    >,
  }),
  fc.record({ kind: fc.constant('scale' as const), replicas: fc.integer({ min: 2, max: 6 }) }),
  fc.record({ kind: fc.constant('verb' as const), verb: fc.constantFrom('pause', 'resume', 'abort', 'retry') }),
  fc.record({ kind: fc.constant('new-operator' as const), statusLost: fc.boolean() }),
  fc.record({ kind: fc.constant('api-down' as const), calls: fc.integer({ min: 1, max: 12 }) }),
) as fc.Arbitrary<Happening>

const script = fc.array(fc.tuple(happening, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 12 })
const SEED = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) }

describe('whatever happens to a fleet and its operator', () => {
  it('no bad revision becomes the fleet’s own, nothing is rolled out that is not watched, and it ends with a good one', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (happenings) => {
        const set = new SimulatedStatefulSet(3)
        await set.until('held', () => set.partition === HOLD)
        const bad = new Set<string>()
        let count = 0
        const holds = () => {
          expect([...bad]).not.toContain(set.currentRevision)
          if (set.failing === 0 && !['Progressing', 'Frozen'].includes(set.status?.phase ?? '')) expect(set.partition).toBe(HOLD)
          return false
        }
        for (const [what, seconds] of happenings) {
          switch (what.kind) {
            case 'template': {
              const revision = `rev-${++count}`
              if (what.bad !== 'not') bad.add(revision)
              set.changeTemplate(revision, BEHAVIOURS[what.bad])
              break
            }
            case 'scale':
              set.scale(what.replicas)
              break
            case 'verb':
              set.give(what.verb)
              break
            case 'new-operator':
              set.restartOperator()
              if (what.statusLost) delete set.annotations['fractal.lba.io/rollout-status']
              break
          }
          // The first look after it happened may fail at any call, and a successor begin from what was done until then.
          if (what.kind === 'api-down') {
            set.failing = what.calls
            set.restartOperator()
          }
          await set.run(1)
          await set.run(seconds, holds)
        }
        set.changeTemplate('rev-last', WELL)
        set.give('resume', 'at the end')
        await set.until('the last one is rolled out', () => {
          holds()
          return set.currentRevision === 'rev-last' && set.partition === HOLD && set.podsOf('rev-last') === set.replicas
        })
      }),
      { numRuns: 100, ...SEED },
    )
  }, 60_000)
})
