/** Bugs of the program that runs inside a shard. */
import { type Generation, type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import type { MemoryServer } from '@fractal-lba/shards/memory/server'
import type { Fence, RecordBatch, ShardControl } from '@fractal-lba/shards/port'
import { packRecords, unpackRecords } from '@fractal-lba/shards/record-packing'
import { instead, type Mutant } from './mutant.ts'

export const SHARD_MUTANTS: readonly Mutant[] = [
  {
    name: 'no-ownership-check',
    bug: 'A shard takes puts into slots that it does not own.',
    variant: {
      shardData: (ours, server) =>
        instead(ours, {
          put: async (puts) => {
            const outcomes = puts.map(({ key, slot, record, expiresAtMs }) => {
              const records = server.recordsOf(slot)
              const there = records.get(key.toString('latin1'))
              if (there && there.expiresAtMs > server.now()) return { kind: 'exists' as const, record: there.record }
              const row = server.rows.get(slot)
              const stored = { key: Buffer.from(key), record: Buffer.from(record), expiresAtMs }
              records.set(key.toString('latin1'), stored)
              if (row?.role === 'owned' && row.capture) server.capture(slot, stored)
              return { kind: 'written' as const }
            })
            return { epoch: server.epoch, outcomes }
          },
        }),
    },
  },
  {
    name: 'ownership-checked-before-the-write',
    bug: 'A shard checks ownership and writes in two steps, between which the slot may be released.',
    variant: {
      shardData: (ours, server) =>
        instead(ours, {
          put: async (puts, deadlineMs) => {
            const owned = puts.map(({ slot }) => server.rows.get(slot)?.role === 'owned')
            // Everybody else gets some turns in between.
            for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
            const back = puts.flatMap(({ slot }, index) => {
              const row = server.rows.get(slot)
              if (!owned[index] || row?.role !== 'released') return []
              server.rows.set(slot, { slot, role: 'owned', generation: row.generation, capture: undefined })
              return [row]
            })
            try {
              return await ours.put(puts, deadlineMs)
            } finally {
              for (const row of back) server.rows.set(row.slot, row)
            }
          },
        }),
    },
  },
  {
    name: 'capture-off-during-copy',
    bug: 'Puts are captured only once the copy is done, so those made meanwhile stay behind the scan.',
    variant: {
      shardData: (ours, server) =>
        uncaptured(ours, server, (slot) => {
          const row = server.rows.get(slot)
          return row?.role === 'owned' && row.generation === 1
        }),
    },
  },
  {
    name: 'no-reverse-capture',
    bug: 'The new owner captures nothing for the old one, so the way back loses what was written since.',
    variant: {
      shardData: (ours, server) =>
        uncaptured(ours, server, (slot) => {
          const row = server.rows.get(slot)
          return row?.role === 'owned' && row.generation > 1
        }),
    },
  },
  {
    name: 'importing-takes-puts',
    bug: 'A target that has every copy takes puts before it is the owner.',
    variant: {
      shardData: (ours, server) =>
        instead(ours, {
          put: async (puts, deadlineMs) => {
            const rows = puts.flatMap(({ slot }) => {
              const row = server.rows.get(slot)
              return row?.role === 'importing' && row.copy === 'verified' ? [row] : []
            })
            for (const { slot } of rows)
              server.rows.set(slot, { slot, role: 'owned', generation: 2 as Generation, capture: undefined })
            const reply = ours.put(puts, deadlineMs)
            for (const row of rows) server.rows.set(row.slot, row)
            return reply
          },
        }),
    },
  },
  {
    name: 'expiry-by-the-clock-of-the-pod',
    isRare: true,
    bug: 'Whether a record has expired is judged by the clock of the pod that puts, not by that of the shard.',
    variant: {
      shardData: (ours, server) =>
        instead(ours, {
          put: async (puts, deadlineMs) => {
            for (const { key, slot } of puts) {
              const name = key.toString('latin1')
              const there = server.recordsOf(slot).get(name)
              // What a pod says of its time is the deadline, which is less than a second away.
              if (there && server.rows.get(slot)?.role === 'owned' && there.expiresAtMs <= deadlineMs - 1000)
                server.recordsOf(slot).delete(name)
            }
            return ours.put(puts, deadlineMs)
          },
        }),
    },
  },
  {
    name: 'sweep-by-the-clock-of-the-pod',
    bug: 'A pod whose clock is ahead deletes records that are alive.',
    variant: {
      shardData: (ours, server) =>
        instead(ours, {
          sweepExpired: async (slot, nowMs) => {
            const records = server.recordsOf(slot)
            const expired = [...records].filter(([, { expiresAtMs }]) => expiresAtMs < nowMs)
            for (const [name] of expired) records.delete(name)
            return expired.length
          },
        }),
    },
  },
  {
    name: 'ttl-as-remaining',
    bug: 'Copies carry the time that a record has left instead of when it expires, so it lives longer by the time on the way.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          exportFrom: async (cursor, maxKeys) => {
            const exported = await ours.exportFrom(cursor, maxKeys)
            return { ...exported, batch: shifted(exported.batch, -server.now()) }
          },
          readCaptured: async (migration, slots, maxKeys) => {
            const captured = await ours.readCaptured(migration, slots, maxKeys)
            return captured && { ...captured, batch: shifted(captured.batch, -server.now()) }
          },
          apply: (fence, batch) => ours.apply(fence, shifted(batch, server.now())),
        }),
    },
  },
  {
    name: 'copy-overwrites',
    isRare: true,
    bug: 'Copied records replace what is there instead of being put only where there is none.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          apply: (fence, batch) => {
            if (fence.generation >= server.fence) {
              for (const { key } of unpackRecords(batch.payload)) {
                const slot = slotOfKey(key)
                if (server.rows.get(slot)?.role !== 'owned') server.recordsOf(slot).delete(key.toString('latin1'))
              }
            }
            return ours.apply(fence, batch)
          },
        }),
    },
  },
  {
    name: 'generation-ignored',
    isRare: true,
    bug: 'A shard obeys operators that were deposed.',
    variant: { shardControl: (ours, server) => unfenced(ours, server) },
  },
  {
    name: 'lease-without-new-generation',
    bug: 'Whoever takes the lease over goes on with the generation of the holder before.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          describe: async () => {
            const description = await ours.describe()
            // What it is given is one more than it sees.
            return { ...description, fence: Math.max(0, description.fence - 1), lease: undefined }
          },
          acquireLease: async ({ holder, generation, ttlMs }) => {
            server.lease = { holder, generation, untilMs: server.now() + ttlMs }
            server.fence = Math.max(server.fence, generation)
          },
        }),
    },
  },
  {
    name: 'clean-up-without-epoch',
    isRare: true,
    bug: 'A clean-up that was delayed deletes what has moved back meanwhile: neither generation nor ownership is checked.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          discard: async (fence, slots, limit) => {
            const owned = slots.filter((slot) => server.rows.get(slot)?.role === 'owned')
            for (const slot of owned) server.recordsOf(slot).clear()
            const others = slots.filter((slot) => !owned.includes(slot))
            return others.length === 0 ? { deleted: 0, done: true } : unfenced(ours, server).discard(fence, others, limit)
          },
        }),
    },
  },
  {
    name: 'log-trimmed-when-read',
    bug: 'Captured records leave the log when they are read, before the other side has them.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          readCaptured: async (migration, slots, maxKeys) => {
            const captured = await ours.readCaptured(migration, slots, maxKeys)
            if (captured) await ours.dropCaptured({ generation: server.fence, migration }, captured.token)
            return captured
          },
        }),
    },
  },
  {
    name: 'log-trimmed-to-its-end',
    bug: 'With the captured records that were applied go those that came in since they were read.',
    variant: {
      shardControl: (ours, server) =>
        instead(ours, {
          dropCaptured: async (fence, token) => {
            await ours.dropCaptured(fence, token)
            for (const pair of token.split(',')) server.setQueue(Number(pair.split(':')[0]) as SlotId, [])
          },
        }),
    },
  },
  {
    name: 'last-record-of-a-batch-lost',
    bug: 'The last record of each copied batch is dropped, and digests of both sides are made from the copy.',
    variant: {
      shardControl: (ours) =>
        instead(ours, {
          exportFrom: async (cursor, maxKeys) => {
            const exported = await ours.exportFrom(cursor, maxKeys)
            const records = unpackRecords(exported.batch.payload).slice(0, -1)
            return { ...exported, batch: { ...exported.batch, payload: packRecords(records) } }
          },
          digest: async (slots) => slots.map((slot) => ({ slot, count: 0, digest: `same:${'00'.repeat(16)}` })),
        }),
    },
  },
]

/** Puts into some slots do not join the capture queue. */
function uncaptured<T extends Parameters<NonNullable<Mutant['variant']['shardData']>>[0]>(
  ours: T,
  server: MemoryServer,
  isSkipped: (slot: SlotId) => boolean,
): T {
  return instead<T>(ours, {
    put: async (puts: Parameters<T['put']>[0], deadlineMs: number) => {
      const queues = new Map(puts.map(({ slot }) => [slot, [...server.queueOf(slot)]]))
      const reply = await ours.put(puts, deadlineMs)
      for (const [slot, queue] of queues) if (isSkipped(slot)) server.setQueue(slot, queue)
      return reply
    },
  } as Partial<T>)
}

/** Every fence counts as the newest. */
function unfenced(ours: ShardControl, server: MemoryServer): ShardControl {
  const newest = (fence: Fence): Fence => ({ ...fence, generation: Math.max(fence.generation, server.fence) })
  return instead(ours, {
    putMigration: (fence, document) => ours.putMigration(newest(fence), document),
    beginImport: (fence, slots, from) => ours.beginImport(newest(fence), slots, from),
    markVerified: (fence, slots) => ours.markVerified(newest(fence), slots),
    startCapture: (fence, slots, to) => ours.startCapture(newest(fence), slots, to),
    stopCapture: (fence, slots) => ours.stopCapture(newest(fence), slots),
    release: (fence, slots, to) => ours.release(newest(fence), slots, to),
    acquire: (fence, slots, captureTo) => ours.acquire(newest(fence), slots, captureTo),
    discard: (fence, slots, limit) => ours.discard(newest(fence), slots, limit),
    dropCaptured: (fence, token) => ours.dropCaptured(newest(fence), token),
    apply: (fence, batch) => ours.apply(newest(fence), batch),
  })
}

function shifted(batch: RecordBatch, byMs: number): RecordBatch {
  const records = unpackRecords(batch.payload).map((record) => ({
    ...record,
    expiresAtMs: Math.max(0, record.expiresAtMs + byMs),
  }))
  return { ...batch, payload: packRecords(records) }
}
