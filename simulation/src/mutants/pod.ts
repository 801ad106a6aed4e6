/** Bugs of a verifier pod: of what it asks of its disk, how it uses shards, and in which order it does things. */
import type { DedupPut, Outcome } from '@fractal-lba/backend/dedup/port'
import type { DurableFile, WalFiles } from '@fractal-lba/backend/wal/files'
import { decodeRecord, encodeRecord, sameOrigin } from '@fractal-lba/protocol/records/record'
import { type Put, type PutOutcome, ShardUnavailable } from '@fractal-lba/shards/port'
import { instead, type Mutant } from './mutant.ts'

export const POD_MUTANTS: readonly Mutant[] = [
  {
    name: 'answer-before-sync',
    bug: 'A submission is answered once its bytes were given to the disk, before the disk has them.',
    variant: {
      podFiles: (ours) =>
        writingOtherwise(ours, (file) => ({
          write: (buffer, from, length, position, done) => {
            file.write(Buffer.from(buffer), from, length, position, () => undefined)
            setImmediate(() => done(null, length))
          },
        })),
    },
  },
  {
    name: 'directory-not-synced',
    bug: 'The names of new segments are not made durable, so that a loss of power takes whole segments.',
    variant: { podFiles: (ours) => instead(ours, { syncDirectory: async () => undefined }) },
  },
  {
    name: 'failed-sync-repeated',
    bug: 'A sync that failed is asked for again, and says that all is well, though the pages are gone.',
    variant: {
      podFiles: (ours) =>
        writingOtherwise(ours, (file) => ({
          write: (buffer, from, length, position, done) =>
            file.write(buffer, from, length, position, (error, written) =>
              error?.code === 'EIO' ? done(null, length) : done(error, written),
            ),
        })),
    },
  },
  {
    name: 'short-write-counts-as-whole',
    bug: 'A disk that is nearly full takes a part of a write, and nobody looks how much.',
    variant: {
      podFiles: (ours) =>
        writingOtherwise(ours, (file) => ({
          write: (buffer, from, length, position, done) =>
            file.write(buffer, from, length, position, (error) => done(error, error ? 0 : length)),
        })),
    },
  },
  {
    name: 'torn-tail-left',
    bug: 'A start recognises a torn tail, does not cut it off, and goes on behind it.',
    variant: { podFiles: (ours) => instead(ours, { truncate: async () => undefined, remove: async () => undefined }) },
  },
  {
    name: 'effect-before-decide',
    bug: 'A pod runs the effects, and answers, before the shard has decided.',
    variant: {
      podStore: (ours) =>
        instead(ours, {
          store: instead(ours.store, {
            putIfAbsent: async (puts, deadlineMs) => {
              ours.store.putIfAbsent(puts, deadlineMs).catch(() => undefined)
              return puts.map((): Outcome => ({ kind: 'won' }))
            },
          }),
        }),
    },
  },
  {
    name: 'settled-without-a-decision',
    bug: 'A claim that no shard answered in time is noted as settled, so that nobody puts it again.',
    variant: {
      podStore: (ours) =>
        instead(ours, {
          store: instead(ours.store, {
            putIfAbsent: async (puts, deadlineMs) => {
              const outcomes = await ours.store.putIfAbsent(puts, deadlineMs)
              return outcomes.map(
                (outcome, index): Outcome =>
                  outcome.kind === 'unavailable' ? { kind: 'lost', record: (puts[index] as DedupPut).record } : outcome,
              )
            },
          }),
        }),
    },
  },
  {
    name: 'own-write-is-a-duplicate',
    bug: 'A put whose reply was lost finds its own record when it is repeated, and takes it for somebody else’s.',
    variant: {
      podData: (ours) =>
        instead(ours, {
          put: async (puts, deadlineMs) => {
            const reply = await ours.put(puts, deadlineMs)
            const outcomes = reply.outcomes.map(
              (outcome, index): PutOutcome =>
                outcome.kind === 'exists' && sameOrigin(outcome.record, (puts[index] as Put).record)
                  ? { kind: 'exists', record: withOrigin(outcome.record, 'somebody else', 0) }
                  : outcome,
            )
            return { ...reply, outcomes }
          },
        }),
    },
  },
  {
    name: 'retry-with-a-new-origin',
    bug: 'Each repetition of a put carries an origin of its own.',
    variant: {
      podData: (ours) => {
        const attempts = new Map<string, number>()
        return instead(ours, {
          put: async (puts, deadlineMs) => {
            const again = puts.map((put): Put => {
              const name = put.record.toString('latin1')
              const attempt = attempts.get(name) ?? 0
              attempts.set(name, attempt + 1)
              return attempt === 0 ? put : { ...put, record: withOrigin(put.record, undefined, attempt) }
            })
            return ours.put(again, deadlineMs)
          },
        })
      },
    },
  },
  {
    name: 'no-answer-counts-as-written',
    bug: 'A put that the shard did not answer counts as done.',
    variant: {
      podData: (ours) =>
        instead(ours, {
          put: async (puts, deadlineMs) => {
            try {
              return await ours.put(puts, deadlineMs)
            } catch (error) {
              if (!(error instanceof ShardUnavailable)) throw error
              return { epoch: Number.MAX_SAFE_INTEGER, outcomes: puts.map((): PutOutcome => ({ kind: 'written' })) }
            }
          },
        }),
    },
  },
]

/** Our disk, whose files write otherwise. */
function writingOtherwise(ours: WalFiles, otherwise: (file: DurableFile) => Partial<DurableFile>): WalFiles {
  return instead(ours, {
    create: (path, done) => ours.create(path, (error, file) => (file ? done(null, instead(file, otherwise(file))) : done(error))),
  })
}

function withOrigin(record: Buffer, pod: string | undefined, further: number): Buffer {
  const decoded = decodeRecord(record)
  const { origin } = decoded
  return encodeRecord({
    ...decoded,
    origin: { ...origin, pod: pod ?? origin.pod, segment: origin.segment + further * 1_000_000 },
  })
}
