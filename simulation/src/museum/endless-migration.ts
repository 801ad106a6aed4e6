/** Writers are faster than the captured writes can be applied: what is left to copy never gets less. */
import { MigrationEngine } from '@fractal-lba/migration/engine'
import type { MigrationId } from '@fractal-lba/shards/port'
import { instead } from '../mutants/mutant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, DAY_MS, onStage, putOf, SLOT, type Stage } from './stage.ts'

const NO_DEADLINE = { name: 'no-deadline' }
const DEADLINE_MS = 20_000
/** Far beyond it. */
const PATIENCE_MS = 200_000
const APPLY_MS_A_KEY = 1000
const PUT_EVERY_MS = 500

export const ENDLESS_MIGRATION: Exhibit = {
  name: 'endless-migration',
  happened:
    'Above some write rate every attempt to move slots failed, was begun anew, and failed again: 268 times in five minutes.',
  where: 'valkey-io/valkey#4545',
  ours: 'A migration that falls behind first asks for slower writers, then says that it does not converge, and holds, reversible.',
  naive: NO_DEADLINE,
  play: (variant) =>
    onStage(
      variant,
      async (stage) => {
        const engine = await engineWithSlowTarget(stage, variant.name === NO_DEADLINE.name)
        let over = false
        const writing = write(stage, () => over)
        const untilMs = stage.scheduler.now() + PATIENCE_MS
        let slowed = false
        let blocked: string | undefined
        while (blocked === undefined && stage.scheduler.now() < untilMs) {
          const progress = await engine.step({ kind: 'run', upTo: 'cleaned', cutoverPercent: 100 }, 1000)
          slowed ||= progress.slowdown !== undefined
          blocked = progress.blocked?.reason
        }
        over = true
        await writing
        await engine.close()
        mustHold(
          blocked === 'NotConverging',
          `liveness: after ${PATIENCE_MS / 1000} s it goes on, and nobody is told that it will not end`,
        )
        mustHold(slowed, 'liveness: it gave up before it asked for slower writers')
      },
      { slots: [SLOT] },
    ),
}

function engineWithSlowTarget(stage: Stage, endless: boolean): Promise<MigrationEngine> {
  const process = stage.process('operator')
  const target = stage.control(B, process)
  const slow = instead(target, {
    apply: async (by, batch) => {
      await process.sleep(batch.keys * APPLY_MS_A_KEY)
      return target.apply(by, batch)
    },
  })
  return MigrationEngine.open({
    controls: new Map([
      [A, stage.control(A, process)],
      [B, slow],
    ]),
    spec: { id: 'm' as MigrationId, from: [A], to: [B], vnodes: 8, universe: [SLOT] },
    holder: 'operator',
    settings: { soakMs: 0, settleMs: 0, maxLagMs: 500, convergeDeadlineMs: endless ? Number.POSITIVE_INFINITY : DEADLINE_MS },
    clock: process,
  })
}

async function write(stage: Stage, over: () => boolean): Promise<void> {
  const pod = stage.process('pod')
  const data = stage.data(A, pod)
  for (let n = 1; !over(); n++) {
    const expiresAtMs = stage.scheduler.now() + DAY_MS
    await data.put([putOf(n, expiresAtMs)], expiresAtMs)
    await pod.sleep(PUT_EVERY_MS)
  }
}
