/** Bugs of the migration engine, as its calls to the shards show them. */

import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type Fence, type ShardDescription, type ShardId, ShardUnavailable } from '@fractal-lba/shards/port'
import { instead, type Mutant } from './mutant.ts'

export const ENGINE_MUTANTS: readonly Mutant[] = [
  {
    name: 'acquire-before-drain',
    bug: 'The target acquires slots before the last captured writes of the source are applied.',
    variant: {
      engineControl: (ours) => {
        const released = new Set<SlotId>()
        return instead(ours, {
          release: async (fence, slots, to) => {
            await ours.release(fence, slots, to)
            for (const slot of slots) released.add(slot)
          },
          readCaptured: async (migration, slots, maxKeys) =>
            slots.every((slot) => released.has(slot)) ? undefined : ours.readCaptured(migration, slots, maxKeys),
        })
      },
    },
  },
  {
    name: 'checkpoint-ahead-of-its-writes',
    bug: 'A slot counts as copied before its last records are written.',
    variant: {
      engineControl: (ours) =>
        instead(ours, {
          apply: async (fence, batch) => {
            if (batch.completes.length > 0)
              await ours.apply(fence, { ...batch, payload: Buffer.alloc(0), keys: 0, bytes: 0, slots: [] })
            return ours.apply(fence, { ...batch, completes: [] })
          },
        }),
    },
  },
  {
    name: 'copy-before-capture',
    bug: 'Capture goes on when a slot is copied, not before, so writes behind the scan are missed.',
    variant: {
      engineControl: (ours) => {
        const waiting = new Map<SlotId, { readonly to: ShardId; readonly fence: Fence }>()
        return instead(ours, {
          startCapture: async (fence, slots, to) => {
            for (const slot of slots) waiting.set(slot, { to, fence })
          },
          describe: async () => pretendCaptured(await ours.describe(), waiting),
          exportFrom: async (cursor, maxKeys) => {
            const exported = await ours.exportFrom(cursor, maxKeys)
            for (const slot of exported.batch.completes) {
              const { to, fence } = waiting.get(slot) ?? {}
              waiting.delete(slot)
              if (to && fence) await ours.startCapture(fence, [slot], to)
            }
            return exported
          },
        })
      },
    },
  },
  {
    name: 'turn-without-new-generation',
    isRare: true,
    bug: 'Changing direction, and going on after a call without an answer, fences nothing: what is under way may still arrive.',
    variant: {
      engineControl: (ours) => {
        let first: number | undefined
        const old = <T extends { readonly generation: number }>(fence: T): T => ({
          ...fence,
          generation: first ?? fence.generation,
        })
        return instead(ours, {
          acquireLease: async (request) => {
            first ??= request.generation
            await ours.acquireLease({ ...request, generation: first })
          },
          releaseLease: async () => ours.releaseLease(first ?? 0),
          putMigration: (fence, document) => ours.putMigration(old(fence), document),
          beginImport: (fence, slots, from) => ours.beginImport(old(fence), slots, from),
          markVerified: (fence, slots) => ours.markVerified(old(fence), slots),
          startCapture: (fence, slots, to) => ours.startCapture(old(fence), slots, to),
          stopCapture: (fence, slots) => ours.stopCapture(old(fence), slots),
          release: (fence, slots, to) => ours.release(old(fence), slots, to),
          acquire: (fence, slots, captureTo) => ours.acquire(old(fence), slots, captureTo),
          discard: (fence, slots, limit) => ours.discard(old(fence), slots, limit),
          dropCaptured: (fence, token) => ours.dropCaptured(old(fence), token),
          apply: (fence, batch) => ours.apply(old(fence), batch),
        })
      },
    },
  },
  {
    name: 'unanswered-release-counts-as-done',
    bug: 'A release that was not answered counts as done, and the target acquires what the source may still own.',
    variant: {
      engineControl: (ours) =>
        instead(ours, {
          release: async (fence, slots, to) => {
            try {
              await ours.release(fence, slots, to)
            } catch (error) {
              if (!(error instanceof ShardUnavailable)) throw error
            }
          },
        }),
    },
  },
  {
    name: 'way-back-switched-off',
    bug: 'The target acquires without capturing in reverse: there is no certificate and no way back.',
    variant: { engineControl: (ours) => instead(ours, { acquire: (fence, slots) => ours.acquire(fence, slots, undefined) }) },
  },
  {
    name: 'log-trimmed-before-it-is-applied',
    bug: 'Captured records are taken from the log, then applied: a crash between the two loses them.',
    variant: {
      engineControl: (ours) =>
        instead(ours, {
          readCaptured: async (migration, slots, maxKeys) => {
            const captured = await ours.readCaptured(migration, slots, maxKeys)
            const { fence } = await ours.describe()
            if (captured) await ours.dropCaptured({ generation: fence, migration }, captured.token)
            return captured
          },
        }),
    },
  },
]

/** As the engine believes it: what waits to be captured is. */
function pretendCaptured(
  description: ShardDescription,
  waiting: ReadonlyMap<SlotId, { readonly to: ShardId; readonly fence: Fence }>,
): ShardDescription {
  const slots = description.slots.map((row) => {
    const { to, fence } = waiting.get(row.slot) ?? {}
    return row.role === 'owned' && !row.capture && to && fence ? { ...row, capture: { to, migration: fence.migration } } : row
  })
  return { ...description, slots }
}
