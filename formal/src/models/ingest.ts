/** The runs on models/Ingest.tla: what must hold with shards and with the embedded store, and what must not without each guard. */
import type { DemandedRun, Guard } from './demanded-run.ts'

type Store = 'shards' | 'memory'

const INVARIANTS = [
  'AnsweredIsDurable',
  'AnswersAgree',
  'AnsweredIsDecided',
  'OneWinner',
  'NeverAgain',
  'NotedHasRun',
  'SomebodyWon',
]
const TIMEOUT_MS = 600_000

interface Bounds {
  readonly store: Store
  readonly pods: number
  readonly perPod: number
  readonly submissions: number
  readonly crashes: number
}

const TWO_PODS: Bounds = { store: 'shards', pods: 2, perPod: 2, submissions: 3, crashes: 1 }
const EMBEDDED: Bounds = { store: 'memory', pods: 1, perPod: 3, submissions: 3, crashes: 2 }
const SMALL: Bounds = { store: 'shards', pods: 2, perPod: 1, submissions: 2, crashes: 1 }

interface Removed extends Guard {
  readonly violates: string
  readonly bounds: Bounds
}

const ATOMIC_PUT: Guard = {
  guard: 'atomic-put',
  means: 'the look and the write are one step at the shard',
  where: 'shards/src/memory/data.ts',
}

const REMOVED: readonly Removed[] = [
  {
    guard: 'durable-first',
    means: 'nothing is decided or answered before its bytes are on disk',
    where: 'backend/src/wal/group-commit.ts',
    violates: 'AnsweredIsDurable',
    bounds: SMALL,
  },
  {
    guard: 'sync-final',
    means: 'a failed sync is final',
    where: 'backend/src/wal/group-commit.ts',
    violates: 'AnsweredIsDurable',
    bounds: SMALL,
  },
  { ...ATOMIC_PUT, violates: 'AnswersAgree', bounds: SMALL },
  { ...ATOMIC_PUT, violates: 'OneWinner', bounds: SMALL },
  { ...ATOMIC_PUT, violates: 'AnsweredIsDecided', bounds: SMALL },
  {
    guard: 'own-origin',
    means: 'finding one’s own record is a win',
    where: 'protocol/src/records/record.ts',
    violates: 'SomebodyWon',
    bounds: SMALL,
  },
  {
    guard: 'effects-first',
    means: 'effects run before the note is written',
    where: 'backend/src/ingest/settle.ts',
    violates: 'NotedHasRun',
    bounds: SMALL,
  },
  {
    guard: 'note-skips',
    means: 'an entry with its note is not run again',
    where: 'backend/src/wal/recover.ts',
    violates: 'NeverAgain',
    bounds: SMALL,
  },
  {
    guard: 'replay',
    means: 'an entry without its note is run again',
    where: 'backend/src/wal/replay.ts',
    violates: 'liveness',
    bounds: SMALL,
  },
  {
    guard: 'log-order',
    means: 'the embedded store decides in the order of the log, and so does a replay',
    where: 'backend/src/dedup/memory/memory-store.ts',
    violates: 'AnswersAgree',
    bounds: { ...EMBEDDED, perPod: 2, submissions: 2 },
  },
]

export function ingestRuns(): DemandedRun[] {
  const holds = [TWO_PODS, EMBEDDED].map((bounds): DemandedRun => run(bounds, undefined, undefined, INVARIANTS, inWords(bounds)))
  const live = [SMALL, { ...EMBEDDED, perPod: 2, submissions: 2 }].map(
    (bounds): DemandedRun => run(bounds, undefined, undefined, 'EverySettles', `everything settles: ${inWords(bounds)}`),
  )
  const removed = REMOVED.map(
    ({ guard, means, where, violates, bounds }): DemandedRun => ({
      ...run(bounds, guard, violates, violates === 'liveness' ? 'EverySettles' : [violates], `without ${guard}`),
      guard: { guard, means, where },
    }),
  )
  return [...holds, ...live, ...removed]
}

/** `checks`: invariants, or the one property that needs fairness. */
function run(
  bounds: Bounds,
  guard: string | undefined,
  violates: string | undefined,
  checks: readonly string[] | 'EverySettles',
  what: string,
): DemandedRun {
  const { store, pods, perPod, submissions, crashes } = bounds
  const liveness = checks === 'EverySettles'
  return {
    what,
    question: {
      module: 'Ingest',
      specification: liveness ? 'FairSpec' : 'Spec',
      constants: {
        Pods: `{${Array.from({ length: pods }, (_, index) => `p${index + 1}`).join(', ')}}`,
        PerPod: `${perPod}`,
        Submissions: `${submissions}`,
        MaxCrashes: `${crashes}`,
        Store: `"${store}"`,
        Without: guard === undefined ? '{}' : `{"${guard}"}`,
      },
      invariants: liveness ? [] : checks,
      properties: liveness ? [checks] : [],
      // Not for liveness, which TLC does not check soundly under symmetry.
      ...(pods > 1 && !liveness ? { symmetry: 'Alike' } : {}),
      deadlock: false,
      brief: guard !== undefined,
      timeoutMs: TIMEOUT_MS,
    },
    violates,
  }
}

function inWords({ store, pods, submissions, crashes }: Bounds): string {
  return `${store === 'shards' ? 'shards' : 'embedded store'}, pods ${pods}, submissions ${submissions}, crashes ${crashes}`
}
