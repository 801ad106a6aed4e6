/** The runs on models/Migration.tla: bounds in which everything must hold, and for each property guards without which it must not. */
import type { Question } from '../tlc/run-tlc.ts'
import type { DemandedRun, Guard } from './demanded-run.ts'

interface Bounds {
  readonly keys: number
  readonly fences: number
  readonly engines: number
  readonly late: number
}

const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'CertificateIsTrue', 'NoOrphan', 'DecidedOnce', 'NotBroken']
/** Of steps. */
const PROPERTIES = ['NoReturn', 'IsSlot']
const TIMEOUT_MS = 600_000

/** Each as large as its time allows; what one of them cannot show another does. */
const HOLDS: readonly { readonly what: string; readonly bounds: Bounds }[] = [
  { what: 'two engines, two keys', bounds: { keys: 2, fences: 2, engines: 2, late: 1 } },
  { what: 'two engines, one key, four generations', bounds: { keys: 1, fences: 4, engines: 2, late: 1 } },
]

type Lossy = 'copy' | 'reverse'

interface Removed extends Guard {
  readonly violates: string
  readonly bounds: Bounds
  readonly lossy?: Lossy
}

const ALONE: Bounds = { keys: 1, fences: 1, engines: 1, late: 1 }

const TURN_FENCE: Guard = {
  guard: 'turn-fence',
  means: 'turning round takes a new generation first',
  where: 'migration/src/phases/turn.ts',
}

const DRAIN: Guard = {
  guard: 'drain',
  means: 'the log of a slot that was let go is applied to its end before the other side acquires',
  where: 'migration/src/phases/switch.ts',
}

const REMOVED: readonly Removed[] = [
  {
    guard: 'owner-check',
    means: 'a put looks at the slot’s row in the step that writes',
    where: 'shards/src/memory/data.ts',
    violates: 'DecidedOnce',
    bounds: ALONE,
  },
  {
    guard: 'fence',
    means: 'a shard refuses a lower generation than it has seen',
    where: 'shards/src/memory/ownership.ts',
    violates: 'I1',
    bounds: { ...ALONE, fences: 3 },
  },
  {
    guard: 'holder',
    means: 'a generation belongs to the first holder that took it',
    where: 'shards/src/lease-rule.ts',
    violates: 'I1',
    bounds: { ...ALONE, fences: 2, engines: 2, late: 0 },
  },
  { ...TURN_FENCE, violates: 'I1', bounds: ALONE },
  { ...TURN_FENCE, violates: 'NotBroken', bounds: ALONE },
  {
    guard: 'unanswered-fence',
    means: 'going on after a call that nobody answered takes a new generation first',
    where: 'migration/src/engine.ts',
    violates: 'NoReturn',
    bounds: { ...ALONE, fences: 3 },
  },
  {
    guard: 'discard-fence',
    means: 'copying to a target that was cleared takes a new generation first',
    where: 'migration/src/engine.ts',
    violates: 'I2',
    bounds: { ...ALONE, keys: 2, fences: 3 },
  },
  {
    guard: 'capture-first',
    means: 'capture goes on before the first record is copied',
    where: 'migration/src/phases/prepare.ts',
    violates: 'I2',
    bounds: ALONE,
  },
  {
    guard: 'checkpoint-after',
    means: 'where a copy stands is remembered once the batch is applied',
    where: 'migration/src/phases/copy.ts',
    violates: 'I2',
    bounds: { ...ALONE, keys: 2, fences: 2 },
  },
  {
    guard: 'place',
    means: 'where a copy stands is forgotten when the target’s records are',
    where: 'migration/src/phases/cleanup.ts',
    violates: 'I2',
    bounds: { ...ALONE, keys: 2, fences: 4 },
  },
  {
    guard: 'stale-copy',
    means: 'what counts as copied is no copy any more once capture was off',
    where: 'migration/src/slot-state.ts',
    violates: 'I2',
    bounds: { ...ALONE, fences: 3 },
  },
  {
    guard: 'compare',
    means: 'digests are compared before a copy counts as verified',
    where: 'migration/src/phases/verify.ts',
    violates: 'I3',
    bounds: ALONE,
    lossy: 'copy',
  },
  { ...DRAIN, violates: 'I4', bounds: ALONE },
  // A step that the guard allowed is none of Slot.tla: the two models cannot drift apart.
  { ...DRAIN, violates: 'IsSlot', bounds: ALONE },
  {
    guard: 'reverse-capture',
    means: 'a target that acquires captures for the way back',
    where: 'migration/src/phases/switch.ts',
    violates: 'I4',
    bounds: { ...ALONE, fences: 2 },
  },
  {
    guard: 'certify',
    means: 'both sides are compared once more for the certificate',
    where: 'migration/src/phases/certify.ts',
    violates: 'CertificateIsTrue',
    bounds: ALONE,
    lossy: 'reverse',
  },
  {
    guard: 'no-return',
    means: 'behind the point of no return a rollback is refused',
    where: 'migration/src/decide.ts',
    violates: 'NoReturn',
    bounds: { ...ALONE, fences: 2 },
  },
  {
    guard: 'end',
    means: 'a migration has ended when its slots are clean, not when cleaning was begun',
    where: 'migration/src/decide.ts',
    violates: 'NoOrphan',
    bounds: ALONE,
  },
]

export function migrationRuns(): DemandedRun[] {
  const holds = HOLDS.map(
    ({ what, bounds }): DemandedRun => ({
      what: `${what}: ${inWords(bounds)}`,
      question: question(bounds, [...INVARIANTS, ...PROPERTIES], {}),
      violates: undefined,
    }),
  )
  // A copy that loses records is caught by the comparison, so that all but I2 (which trusts the copy) holds.
  const lossy: DemandedRun = {
    what: 'a copy that loses records is found and repaired',
    question: question({ ...ALONE, keys: 2, fences: 2 }, [...INVARIANTS.filter((name) => name !== 'I2'), 'NoReturn'], {
      lossy: 'copy',
    }),
    violates: undefined,
  }
  const removed = REMOVED.map(
    ({ guard, means, where, violates, bounds, lossy }): DemandedRun => ({
      what: `without ${guard}`,
      guard: { guard, means, where },
      question: question(bounds, [violates], { without: guard, lossy }),
      violates,
    }),
  )
  return [...holds, lossy, ...removed]
}

function question(
  bounds: Bounds,
  checks: readonly string[],
  wrong: { readonly without?: string; readonly lossy?: Lossy | undefined },
): Question {
  return {
    module: 'Migration',
    specification: 'Spec',
    constants: constantsOf(bounds, wrong.without, wrong.lossy ?? 'none'),
    invariants: checks.filter((name) => !PROPERTIES.includes(name)),
    properties: checks.filter((name) => PROPERTIES.includes(name)),
    // Which engine is which makes no difference.
    ...(bounds.engines > 1 ? { symmetry: 'Alike' } : {}),
    deadlock: false,
    brief: wrong.without !== undefined,
    timeoutMs: TIMEOUT_MS,
  }
}

function constantsOf(
  { keys, fences, engines, late }: Bounds,
  without: string | undefined,
  lossy: Lossy | 'none',
): Record<string, string> {
  return {
    Keys: set(keys, ''),
    Fences: set(fences, ''),
    Engines: set(engines, 'e'),
    MaxLate: `${late}`,
    Without: without === undefined ? '{}' : `{"${without}"}`,
    Lossy: `"${lossy}"`,
  }
}

function set(count: number, prefix: string): string {
  return `{${Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`).join(', ')}}`
}

function inWords({ keys, fences, engines, late }: Bounds): string {
  return `keys ${keys}, generations ${fences}, engines ${engines}, late calls ${late}`
}
