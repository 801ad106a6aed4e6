/** How a migration stands, for status, tables and gates: made from an observation and the decision that followed from it. */

import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { SLOWDOWN_MS } from './converge.ts'
import { type Blocked, type Decision, type Milestone, milestoneOf, type Phase } from './decide.ts'
import type { CertificateSummary, CutoverStep } from './document.ts'
import { countIn, type MigrationView } from './observe.ts'
import type { PhaseContext } from './phases/context.ts'
import type { SlotState } from './slot-state.ts'

export interface Progress {
  readonly phase: Phase
  /** What the intent asks for is done. */
  readonly reached: boolean
  readonly blocked: Blocked | undefined
  readonly message: string
  readonly milestone: Milestone | undefined
  readonly planHash: string | undefined
  readonly totalSlots: number
  readonly slotsByState: Readonly<Partial<Record<SlotState, number>>>
  /** Of the slots: past the copy, and past the cutover. */
  readonly copiedPercent: number
  readonly cutoverPercent: number
  readonly steps: readonly CutoverStep[]
  readonly keysCopied: number
  readonly bytesCopied: number
  readonly totalKeys: number
  readonly keysFollowed: number
  readonly keysDiscarded: number
  readonly repaired: number
  readonly backlog: { readonly keys: number; readonly lagMs: number }
  /** The pace that the copy may keep now, keys per second; undefined: nothing holds it. */
  readonly rateLimit: number | undefined
  /** A way back exists, with every write: capture is on wherever slots have moved, and the log is nearly applied. */
  readonly reversible: boolean
  /** How long writers of switched slots had to wait at most, p50 and p99 over the batches of this process. */
  readonly holdMs: { readonly p50: number; readonly p99: number; readonly batches: number }
  readonly pastNoReturn: boolean
  readonly outcome: 'completed' | 'rolled-back' | undefined
  readonly certificate: CertificateSummary | undefined
  /** Writers of the moving slots should wait this long before each put; the caller hands it to the pods. */
  readonly slowdown: { readonly slots: readonly SlotId[]; readonly delayMs: number } | undefined
  readonly createdAtMs: number | undefined
  readonly endedAtMs: number | undefined
  /** Shards that own no slot now. */
  readonly ownNothing: readonly ShardId[]
}

export function progressOf(context: PhaseContext, view: MigrationView, decision: Decision): Progress {
  return describeProgress(view, decision, {
    maxLagMs: context.settings.maxLagMs,
    measured: context.measured,
    rate: context.throttle.ratePerSecond,
  })
}

export interface Counted {
  readonly maxLagMs: number
  readonly rate: number
  readonly measured: {
    readonly keysCopied: number
    readonly bytesCopied: number
    readonly keysFollowed: number
    readonly keysDiscarded: number
    readonly holdsMs: readonly number[]
    holdQuantileMs(p: number): number
  }
}

export function describeProgress(view: MigrationView, decision: Decision, { maxLagMs, measured, rate }: Counted): Progress {
  const { document } = view
  const done = countIn(view, 'copied', 'verified', 'switching', 'cut', 'sealed', 'cleaned', 'returning')
  const atTargets = countIn(view, 'cut', 'sealed', 'cleaned')
  const share = view.total === 0 ? 1 : done / view.total
  const estimate = document ? Math.round(document.totalKeys * share) : 0
  return {
    phase: decision.phase,
    reached: decision.reached,
    blocked: decision.blocked,
    message: decision.message,
    milestone: document && milestoneOf(document),
    planHash: document?.planHash,
    totalSlots: view.total,
    slotsByState: statesOf(view),
    copiedPercent: share * 100,
    cutoverPercent: view.total === 0 ? 100 : (atTargets / view.total) * 100,
    steps: document?.steps ?? [],
    // A successor has counted nothing of what its predecessor copied: the share of the slots says it about as well.
    keysCopied: Math.max(measured.keysCopied, estimate),
    bytesCopied: Math.max(measured.bytesCopied, document ? Math.round(document.totalBytes * share) : 0),
    totalKeys: document?.totalKeys ?? 0,
    keysFollowed: measured.keysFollowed,
    keysDiscarded: measured.keysDiscarded,
    repaired: document?.repaired ?? 0,
    backlog: view.backlog,
    rateLimit: Number.isFinite(rate) ? rate : undefined,
    reversible:
      countIn(view, 'sealed', 'cleaned') === 0 &&
      document?.cleanupAtMs === undefined &&
      view.broken.length === 0 &&
      view.backlog.lagMs <= maxLagMs,
    holdMs: { p50: measured.holdQuantileMs(0.5), p99: measured.holdQuantileMs(0.99), batches: measured.holdsMs.length },
    pastNoReturn: document?.cleanupAtMs !== undefined,
    outcome: document?.outcome,
    certificate: document?.certificate,
    slowdown:
      decision.slowWriters && document
        ? { slots: document.moves.flatMap(({ slots }) => slots), delayMs: SLOWDOWN_MS }
        : undefined,
    createdAtMs: document?.createdAtMs,
    endedAtMs: document?.endedAtMs,
    ownNothing: view.descriptions.filter(({ slots }) => !slots.some(({ role }) => role === 'owned')).map(({ id }) => id),
  }
}

function statesOf(view: MigrationView): Partial<Record<SlotState, number>> {
  const counts: Partial<Record<SlotState, number>> = {}
  for (const pair of view.pairs) for (const [state, slots] of pair.slots) counts[state] = (counts[state] ?? 0) + slots.length
  return counts
}
