/**
 * What to do next (pure): from how the slots stand, what the document remembers and what the caller wants, the phase and the next
 * actions. It is asked again after every slice of work and after every crash, and remembers nothing itself.
 *
 * The order of its rules is the order of their urgency: contradictions stop everything; slots that nobody owns are settled before
 * anything else; then whatever the direction needs.
 */
import type { Generation, SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { convergence } from './converge.ts'
import type { DocumentChange, MigrationDocument } from './document.ts'
import { countIn, type MigrationView, type PairView } from './observe.ts'
import { type MigrationSettings, SLICE_MS } from './settings.ts'
import type { SlotState } from './slot-state.ts'

export type Phase =
  | 'Planning'
  | 'Copying'
  | 'Verifying'
  | 'DualWrite'
  | 'Cutover'
  | 'Cleanup'
  | 'Completed'
  | 'RollingBack'
  | 'RolledBack'

/** In order. `soaked`: kept in step for `soakMs` with the lag under its limit. `certified`: the last stop before the point of no return. */
export const MILESTONES = ['planned', 'copied', 'verified', 'soaked', 'cut-over', 'certified', 'cleaned'] as const
export type Milestone = (typeof MILESTONES)[number]

export type Intent =
  /** `cutoverPercent`: of the moving slots, how many may be at their targets; counts from `cut-over` on, and is 100 beyond it. */
  | { readonly kind: 'run'; readonly upTo: Milestone; readonly cutoverPercent: number }
  | { readonly kind: 'rollback' }
  /** Hold: nothing is begun, slots in flight are settled, and the change log goes on being applied. */
  | { readonly kind: 'pause' }

export interface SlotAt {
  readonly slot: SlotId
  readonly generation: Generation
}

/** All actions of one decision may run at the same time. Each is idempotent, bounded to a slice, and safe to abandon at any await. */
export type Action =
  /** Makes the plan from what the shards say now, and records it at all of them: the migration exists from here. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'record'; readonly change: DocumentChange; readonly why: string }
  /** Fences every call made so far in the other direction, then records the new one. */
  | { readonly kind: 'turn'; readonly direction: 'forward' | 'back' }
  | (Between & { readonly kind: 'prepare'; readonly slots: readonly SlotId[] })
  | (Between & { readonly kind: 'copy'; readonly slots: readonly SlotId[] })
  /** Applies at `target` what `source` has captured for these slots. Also the way back: then `source` is where the writes are. */
  | (Between & { readonly kind: 'follow'; readonly slots: readonly SlotId[] })
  | (Between & { readonly kind: 'verify'; readonly slots: readonly SlotId[] })
  /** `released`: the source has let go of them already. Generations are those that the slots have now. */
  | (Between & { readonly kind: 'switch'; readonly slots: readonly SlotAt[]; readonly released: boolean })
  | (Between & { readonly kind: 'switch-back'; readonly slots: readonly SlotAt[]; readonly released: boolean })
  /** Slots that the source released and the target never acquired go back to the source. */
  | (Between & { readonly kind: 'take-back'; readonly slots: readonly SlotAt[] })
  | { readonly kind: 'certify' }
  | { readonly kind: 'stop-capture'; readonly at: ShardId; readonly slots: readonly SlotId[] }
  | { readonly kind: 'discard'; readonly at: ShardId; readonly slots: readonly SlotId[] }

interface Between {
  readonly source: ShardId
  readonly target: ShardId
}

export interface Blocked {
  readonly reason: 'StateContradiction' | 'PastNoReturn' | 'NotConverging'
  readonly message: string
}

export interface Decision {
  readonly phase: Phase
  readonly actions: readonly Action[]
  /** What the intent asks for is done; what actions there still are only keep it so. */
  readonly reached: boolean
  readonly blocked: Blocked | undefined
  /** For people: what is going on. */
  readonly message: string
  /** The writers of the moving slots should be slowed: the change log grows faster than it is applied. */
  readonly slowWriters: boolean
}

export interface DecideInput {
  readonly view: MigrationView
  readonly intent: Intent
  readonly settings: MigrationSettings
  readonly nowMs: number
  /** Since when the lag has been over its limit without a break; undefined while it is not. */
  readonly behindSinceMs: number | undefined
}

export function decide(input: DecideInput): Decision {
  const { view, intent } = input
  const document = view.document
  if (!document) return beforeThePlan(intent)
  if (view.broken.length > 0) return blocked(phaseOf(view, document), 'StateContradiction', contradiction(view))
  if (intent.kind === 'pause') return pause(view, document)
  if (intent.kind === 'rollback') return rollBack(view, document)
  return goForward(input, document, intent)
}

function beforeThePlan(intent: Intent): Decision {
  switch (intent.kind) {
    case 'run':
      return act('Planning', [{ kind: 'begin' }], 'planning')
    case 'pause':
      return nothing('Planning', 'paused')
    case 'rollback':
      return nothing('RolledBack', 'nothing had begun')
  }
}

/** The phase that the slots show, whatever is wanted of them. */
export function phaseOf(view: MigrationView, document: MigrationDocument): Phase {
  if (document.outcome === 'completed') return 'Completed'
  if (document.outcome === 'rolled-back') return 'RolledBack'
  if (document.direction === 'back') return 'RollingBack'
  if (document.cleanupAtMs !== undefined) return 'Cleanup'
  if (document.cutOverAtMs !== undefined || countIn(view, 'switching', 'cut', 'returning') > 0 || document.steps.length > 0)
    return 'Cutover'
  if (countIn(view, 'untouched', 'stale', 'prepared', 'copying') > 0) {
    return countIn(view, 'untouched') === view.total && view.total > 0 ? 'Planning' : 'Copying'
  }
  return document.verifiedAtMs === undefined ? 'Verifying' : 'DualWrite'
}

/** How far a migration has come, whatever is wanted of it; undefined before there is a plan, and once it goes back. */
export function milestoneOf(document: MigrationDocument): Milestone | undefined {
  if (document.direction === 'back') return undefined
  if (document.outcome === 'completed') return 'cleaned'
  if (document.certificate) return 'certified'
  if (document.cutOverAtMs !== undefined) return 'cut-over'
  if (document.soakedAtMs !== undefined) return 'soaked'
  if (document.verifiedAtMs !== undefined) return 'verified'
  return document.copiedAtMs !== undefined ? 'copied' : 'planned'
}

/** How many slots shall be at their targets for `percent`. */
export function slotsFor(percent: number, total: number): number {
  return Math.min(total, Math.ceil((total * percent) / 100))
}

function goForward(input: DecideInput, document: MigrationDocument, intent: Intent & { kind: 'run' }): Decision {
  const { view } = input
  if (document.outcome === 'completed') return nothing('Completed', 'the migration is complete')
  if (document.direction === 'back') {
    return { ...act('Planning', [{ kind: 'turn', direction: 'forward' }], 'going forward again') }
  }
  if (view.total === 0) return complete(input)
  const inFlight = settle(view)
  if (inFlight.length > 0) return act('Cutover', inFlight, 'finishing a switch that was begun')
  for (const stage of STAGES) {
    const decision = stage(input, document)
    if (decision) return reachedBefore(input, document, intent, decision.milestone) ?? decision
  }
  throw new Error('every state of a migration has a stage')
}

/** A step on the way, and the milestone that taking it leads to. */
type Stage = Decision & { readonly milestone: Milestone }
type StageRule = (input: DecideInput, document: MigrationDocument) => Stage | undefined

/** In order; the first that has something to do is the stage that the migration is in. */
const STAGES: readonly StageRule[] = [discardStale, prepareAndCopy, verify, soak, cutOver, certify, seal, cleanUp, complete]

/** When the stage belongs to a milestone beyond what is wanted, hold here and only keep the sides in step. */
function reachedBefore(
  input: DecideInput,
  document: MigrationDocument,
  intent: Intent & { kind: 'run' },
  next: Milestone,
): Decision | undefined {
  const wanted = MILESTONES.indexOf(intent.upTo)
  const beyond = MILESTONES.indexOf(next) > wanted
  const enough =
    next === 'cut-over' &&
    intent.upTo === 'cut-over' &&
    countIn(input.view, 'cut') >= slotsFor(intent.cutoverPercent, input.view.total)
  if (!beyond && !enough) return undefined
  const recorded = enough ? stepRecord(input, document, intent.cutoverPercent) : []
  return {
    ...nothing(
      phaseOf(input.view, document),
      enough ? `${intent.cutoverPercent} % of the slots are at their targets` : `holding at "${intent.upTo}"`,
    ),
    actions: [...recorded, ...followAll(input.view)],
    reached: recorded.length === 0,
  }
}

function stepRecord({ view, nowMs }: DecideInput, document: MigrationDocument, percent: number): Action[] {
  if (countIn(view, 'cut') === 0 || document.steps.some((step) => step.percent >= percent)) return []
  return [{ kind: 'record', change: { steps: [...document.steps, { percent, atMs: nowMs }] }, why: `${percent} % cut over` }]
}

function discardStale({ view }: DecideInput): Stage | undefined {
  const stale = view.pairs.flatMap((pair) => discards(pair, 'stale'))
  return stale.length === 0
    ? undefined
    : { ...act('Copying', stale, 'clearing what an earlier attempt left at the targets'), milestone: 'copied' }
}

function prepareAndCopy(input: DecideInput, document: MigrationDocument): Stage | undefined {
  const { view, nowMs } = input
  const actions: Action[] = []
  for (const pair of view.pairs) {
    const fresh = merged(pair, 'untouched', 'prepared')
    if (fresh.length > 0) actions.push({ kind: 'prepare', source: pair.source, target: pair.target, slots: fresh })
    const copying = pair.slots.get('copying') ?? []
    if (copying.length > 0) actions.push({ kind: 'copy', source: pair.source, target: pair.target, slots: copying })
  }
  if (actions.length > 0) return { ...act('Copying', [...actions, ...followAll(view)], 'copying'), milestone: 'copied' }
  if (document.copiedAtMs !== undefined) return undefined
  return {
    ...act('Copying', [{ kind: 'record', change: { copiedAtMs: nowMs }, why: 'all copied' }], 'all slots are copied'),
    milestone: 'copied',
  }
}

function verify(input: DecideInput, document: MigrationDocument): Stage | undefined {
  const { view, nowMs } = input
  const actions: Action[] = view.pairs
    .filter((pair) => pair.slots.has('copied'))
    .map((pair) => ({ kind: 'verify', source: pair.source, target: pair.target, slots: pair.slots.get('copied')! }))
  const busy = new Set(actions.map((action) => `${(action as Between).source}>${(action as Between).target}`))
  if (actions.length > 0) {
    // A slot that is being compared must not be written to at its target: the comparison follows the change log of its pair itself.
    const others = followAll(view).filter((action) => !busy.has(`${(action as Between).source}>${(action as Between).target}`))
    // A comparison follows its log once a slice, and a slice may end before anything was compared: where captured writes come faster than
    // they are applied, every one of them does.
    const lag = lagOf(input, input.settings.maxLagMs + 2 * SLICE_MS)
    if (lag.verdict === 'not-converging') return notConverging('Verifying', input, lag.behindMs, 'verified')
    return {
      ...act('Verifying', [...actions, ...others], 'comparing digests'),
      slowWriters: lag.verdict === 'slow-writers',
      milestone: 'verified',
    }
  }
  if (document.verifiedAtMs !== undefined) return undefined
  return {
    ...act('Verifying', [{ kind: 'record', change: { verifiedAtMs: nowMs }, why: 'all verified' }], 'all slots are verified'),
    milestone: 'verified',
  }
}

/** Holds while the sides are not in step, before the first slot is cut over and before each further one. */
function soak(input: DecideInput, document: MigrationDocument): Stage | undefined {
  const { view, settings, nowMs } = input
  if (countIn(view, 'verified') === 0) return undefined
  const begun = document.steps.length > 0 || countIn(view, 'cut') > 0
  const phase = begun ? 'Cutover' : 'DualWrite'
  const milestone = begun ? 'cut-over' : 'soaked'
  const following = followAll(view)
  const { verdict, behindMs } = lagOf(input, settings.maxLagMs)
  if (verdict === 'not-converging') return notConverging(phase, input, behindMs, milestone)
  if (verdict !== 'in-step') {
    const message = `captured writes are ${seconds(view.backlog.lagMs)} behind; waiting until they are less than ${seconds(settings.maxLagMs)}`
    return { ...act(phase, following, message), slowWriters: verdict === 'slow-writers', milestone }
  }
  if (begun || document.soakedAtMs !== undefined) return undefined
  const leftMs = document.verifiedAtMs! + settings.soakMs - nowMs
  const next: Action[] = leftMs > 0 ? following : [{ kind: 'record', change: { soakedAtMs: nowMs }, why: 'soaked' }]
  return {
    ...act(
      phase,
      next,
      leftMs > 0 ? `both sides in step; another ${seconds(leftMs)}` : 'both sides were in step for long enough',
    ),
    milestone,
  }
}

/** Whether captured writes are applied as fast as they come. */
function lagOf({ view, settings, nowMs, behindSinceMs }: DecideInput, maxLagMs: number) {
  const behindMs = behindSinceMs === undefined ? 0 : nowMs - behindSinceMs
  const deadlineMs = settings.convergeDeadlineMs
  return { behindMs, verdict: convergence({ lagMs: view.backlog.lagMs, maxLagMs, behindMs, deadlineMs }) }
}

/** Holds, in step as well as it can be, and reversible. */
function notConverging(phase: Phase, { view }: DecideInput, behindMs: number, milestone: Milestone): Stage {
  const message = `captured writes are ${seconds(view.backlog.lagMs)} behind after ${seconds(behindMs)} of trying: the moving slots get more writes than their targets take`
  return { ...blocked(phase, 'NotConverging', message), actions: followAll(view), slowWriters: true, milestone }
}

function cutOver(input: DecideInput, document: MigrationDocument): Stage | undefined {
  const { view, intent, nowMs } = input
  const left = countIn(view, 'verified')
  if (left === 0) {
    if (document.cutOverAtMs !== undefined) return undefined
    const steps = document.steps.some((step) => step.percent >= 100)
      ? document.steps
      : [...document.steps, { percent: 100, atMs: nowMs }]
    return {
      ...act(
        'Cutover',
        [{ kind: 'record', change: { cutOverAtMs: nowMs, steps }, why: 'all cut over' }],
        'all slots are at their targets',
      ),
      milestone: 'cut-over',
    }
  }
  const percent = intent.kind === 'run' && intent.upTo === 'cut-over' ? intent.cutoverPercent : 100
  let wanted = Math.max(0, slotsFor(percent, view.total) - countIn(view, 'cut'))
  const actions: Action[] = []
  const switching = new Set<ShardId>()
  for (const pair of view.pairs) {
    const slots = (pair.slots.get('verified') ?? []).slice(0, wanted)
    if (slots.length === 0 || switching.has(pair.source)) continue
    wanted -= slots.length
    switching.add(pair.source)
    actions.push({
      kind: 'switch',
      source: pair.source,
      target: pair.target,
      slots: withGenerations(view, slots),
      released: false,
    })
  }
  // The switch drains the change log of its source itself; the reverse log of the target has no other reader.
  const others = followAll(view).filter((action) => !switching.has((action as Between).source))
  return { ...act('Cutover', [...actions, ...others], `switching to ${percent} % of the slots`), milestone: 'cut-over' }
}

function certify(input: DecideInput, document: MigrationDocument): Stage | undefined {
  if (document.certificate || countIn(input.view, 'sealed', 'cleaned') > 0) return undefined
  const leftMs = document.cutOverAtMs! + input.settings.settleMs - input.nowMs
  const actions = leftMs > 0 ? followAll(input.view) : [{ kind: 'certify' } as const]
  return {
    ...act(
      'Cutover',
      actions,
      leftMs > 0 ? `watching for another ${seconds(leftMs)}` : 'comparing both sides for the certificate',
    ),
    milestone: 'certified',
  }
}

function seal({ view, nowMs }: DecideInput, document: MigrationDocument): Stage | undefined {
  if (document.cleanupAtMs === undefined)
    return {
      ...act(
        'Cleanup',
        [{ kind: 'record', change: { cleanupAtMs: nowMs }, why: 'point of no return' }],
        'passing the point of no return',
      ),
      milestone: 'cleaned',
    }
  const actions: Action[] = view.pairs
    .filter((pair) => pair.slots.has('cut'))
    .map((pair) => ({ kind: 'stop-capture', at: pair.target, slots: pair.slots.get('cut')! }))
  return actions.length === 0 ? undefined : { ...act('Cleanup', actions, 'reverse capture goes off'), milestone: 'cleaned' }
}

function cleanUp({ view }: DecideInput): Stage | undefined {
  const actions: Action[] = view.pairs
    .filter((pair) => pair.slots.has('sealed'))
    .map((pair) => ({ kind: 'discard', at: pair.source, slots: pair.slots.get('sealed')! }))
  return actions.length === 0
    ? undefined
    : { ...act('Cleanup', actions, 'deleting moved records at their sources'), milestone: 'cleaned' }
}

function complete({ nowMs }: DecideInput): Stage {
  // The certificate has the proofs now; a document of the past should be small, since every look reads it.
  const change = { outcome: 'completed', endedAtMs: nowMs, proofs: '' } as const
  return { ...act('Cleanup', [{ kind: 'record', change, why: 'completed' }], 'complete'), milestone: 'cleaned' }
}

function rollBack(view: MigrationView, document: MigrationDocument): Decision {
  if (document.outcome === 'rolled-back') return nothing('RolledBack', 'the migration is rolled back')
  if (document.cleanupAtMs !== undefined || countIn(view, 'sealed', 'cleaned') > 0) {
    const message = 'the point of no return is passed: finish it, then migrate back with a new migration'
    return blocked(phaseOf(view, document), 'PastNoReturn', message)
  }
  if (document.direction === 'forward') return act('RollingBack', [{ kind: 'turn', direction: 'back' }], 'turning back')
  const inFlight = settleBack(view)
  if (inFlight.length > 0) return act('RollingBack', inFlight, 'giving slots in flight back to their sources')
  const back: Action[] = []
  const switching = new Set<ShardId>()
  for (const pair of view.pairs) {
    const slots = pair.slots.get('cut')
    if (!slots || switching.has(pair.target)) continue
    switching.add(pair.target)
    back.push({
      kind: 'switch-back',
      source: pair.source,
      target: pair.target,
      slots: withGenerations(view, slots),
      released: false,
    })
  }
  if (back.length > 0) return act('RollingBack', back, 'switching slots back, with every write since')
  const off: Action[] = view.pairs.flatMap((pair) => {
    const slots = merged(pair, 'copying', 'copied', 'verified')
    return slots.length === 0 ? [] : [{ kind: 'stop-capture', at: pair.source, slots } as const]
  })
  if (off.length > 0) return act('RollingBack', off, 'capture goes off')
  const discarding = view.pairs.flatMap((pair) => discards(pair, 'prepared', 'stale'))
  if (discarding.length > 0) return act('RollingBack', discarding, 'deleting copied records at the targets')
  return act('RollingBack', [{ kind: 'record', change: { outcome: 'rolled-back' }, why: 'rolled back' }], 'rolled back')
}

function pause(view: MigrationView, document: MigrationDocument): Decision {
  const inFlight = document.direction === 'back' ? settleBack(view) : settle(view)
  if (inFlight.length > 0) return act(phaseOf(view, document), inFlight, 'finishing a switch before holding')
  return { ...nothing(phaseOf(view, document), 'paused'), actions: document.outcome === undefined ? followAll(view) : [] }
}

/** Forward, for slots that nobody owns. One pair a source at a time, since its change log has one reader. */
function settle(view: MigrationView): Action[] {
  return view.pairs.flatMap((pair): Action[] => {
    const between = { source: pair.source, target: pair.target }
    const switching = pair.slots.get('switching') ?? []
    const returning = pair.slots.get('returning') ?? []
    return [
      ...(switching.length > 0
        ? [{ kind: 'switch' as const, ...between, slots: withGenerations(view, switching), released: true }]
        : []),
      ...(returning.length > 0
        ? [{ kind: 'switch-back' as const, ...between, slots: withGenerations(view, returning), released: true }]
        : []),
    ]
  })
}

/** Backward, for slots that nobody owns. */
function settleBack(view: MigrationView): Action[] {
  return settle(view).map((action) =>
    action.kind === 'switch' ? { kind: 'take-back', source: action.source, target: action.target, slots: action.slots } : action,
  )
}

/** Applies what was captured wherever capture is on, in both directions. */
function followAll(view: MigrationView): Action[] {
  return view.pairs.flatMap((pair): Action[] => {
    const forward = merged(pair, 'copying', 'copied', 'verified')
    const reverse = pair.slots.get('cut') ?? []
    return [
      ...(forward.length > 0 ? [{ kind: 'follow' as const, source: pair.source, target: pair.target, slots: forward }] : []),
      ...(reverse.length > 0 ? [{ kind: 'follow' as const, source: pair.target, target: pair.source, slots: reverse }] : []),
    ]
  })
}

function discards(pair: PairView, ...states: readonly SlotState[]): Action[] {
  const slots = merged(pair, ...states)
  return slots.length === 0 ? [] : [{ kind: 'discard', at: pair.target, slots }]
}

function merged(pair: PairView, ...states: readonly SlotState[]): SlotId[] {
  return states.flatMap((state) => pair.slots.get(state) ?? []).sort((a, b) => a - b)
}

function withGenerations(view: MigrationView, slots: readonly SlotId[]): SlotAt[] {
  return slots.map((slot) => ({ slot, generation: view.generations.get(slot)! }))
}

function contradiction(view: MigrationView): string {
  const { slot, source, target, why } = view.broken[0]!
  const more = view.broken.length > 1 ? ` (and ${view.broken.length - 1} more slots)` : ''
  return `slot ${slot} on its way from ${source} to ${target}: ${why}${more}. Nothing is changed until this is understood`
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

function act(phase: Phase, actions: readonly Action[], message: string): Decision {
  return { phase, actions, reached: false, blocked: undefined, message, slowWriters: false }
}

function nothing(phase: Phase, message: string): Decision {
  return { phase, actions: [], reached: true, blocked: undefined, message, slowWriters: false }
}

function blocked(phase: Phase, reason: Blocked['reason'], message: string): Decision {
  return { phase, actions: [], reached: false, blocked: { reason, message }, message, slowWriters: false }
}
