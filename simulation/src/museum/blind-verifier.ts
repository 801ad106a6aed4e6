/** A byte of a copy changes, and whoever verifies says that all is well. */
import type { Intent, Milestone } from '@fractal-lba/migration/decide'
import { MigrationEngine } from '@fractal-lba/migration/engine'
import { MigrationStopped } from '@fractal-lba/migration/stopped'
import type { MigrationId } from '@fractal-lba/shards/port'
import { instead } from '../mutants/mutant.ts'
import type { Variant } from '../world/variant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { A, B, DAY_MS, onStage, putOf, SLOT } from './stage.ts'

/** It compares what it believes to have copied with itself. */
const COMPARES_WITH_ITSELF: Variant = {
  name: 'verifier-compares-with-itself',
  shardControl: (ours) =>
    instead(ours, { digest: async (slots) => slots.map((slot) => ({ slot, count: 1, digest: `copier:${'0'.repeat(36)}` })) }),
}

export const BLIND_VERIFIER: Exhibit = {
  name: 'blind-verifier',
  happened: 'An audit said that an edited file was consistent; a check of a corrupted log ended with exit code 0.',
  where: 'codenotary/immudb#2063, transparency-dev/tesseract#937',
  ours: 'Digests are made by the servers, by other code than the copier’s, and without equal ones there is no certificate.',
  naive: COMPARES_WITH_ITSELF,
  play: (variant) =>
    onStage(
      variant,
      async (stage) => {
        const process = stage.process('operator')
        const expiresAtMs = stage.scheduler.now() + DAY_MS
        const put = putOf(1, expiresAtMs)
        await stage.data(A, stage.process('pod')).put([put], expiresAtMs)
        const certificates: unknown[] = []
        const engine = await MigrationEngine.open({
          controls: new Map([A, B].map((id) => [id, stage.control(id, process)])),
          spec: { id: 'm' as MigrationId, from: [A], to: [B], vnodes: 8, universe: [SLOT] },
          holder: 'operator',
          settings: { soakMs: 0, settleMs: 0 },
          clock: process,
          onCertificate: async (certificate) => void certificates.push(certificate),
        })
        await reach(engine, 'copied')
        const copies = stage.server(B).recordsOf(SLOT)
        const [name, copy] = [...copies][0] ?? []
        mustHold(name !== undefined && copy !== undefined, 'nothing was copied')
        const rotten = Buffer.from(copy.record)
        rotten.writeUInt8(rotten.readUInt8(20) ^ 1, 20)
        copies.set(name, { ...copy, record: rotten })
        const stopped = await reach(engine, 'cleaned').then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof MigrationStopped)) throw error
            return true
          },
        )
        await engine.close()
        mustHold(stopped && certificates.length === 0, 'changed: a migration was certified whose copy has another byte')
      },
      { slots: [SLOT] },
    ),
}

async function reach(engine: MigrationEngine, upTo: Milestone): Promise<void> {
  const intent: Intent = { kind: 'run', upTo, cutoverPercent: 100 }
  for (;;) {
    const progress = await engine.step(intent, 1000)
    if (progress.blocked) throw new Error(progress.blocked.message)
    if (progress.reached) return
  }
}
