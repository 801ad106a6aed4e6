/**
 * What goes wrong in a run, as data. Each fault has a place: a point (`operator-1>shard-0#12`: the twelfth call of that process to that
 * shard) or a time. A run draws its own from the seed and records those that happened; a run that is given a plan has exactly these. So
 * a failing run can be shrunk by taking faults away one by one.
 */
import { between, chance, type Random, randomOf } from './random.ts'

export type CallFaultKind =
  /** The caller is told that there is no answer; the call was not, or was, carried out. */
  | 'lost-request'
  | 'lost-reply'
  /** The caller is told that there is no answer; the call arrives `ms` later. */
  | 'late'
  /** It is carried out and answered, and once more `ms` later. */
  | 'twice'
  /** It takes `ms`. */
  | 'slow'
  /** The caller ends at this call, which was not sent, was sent, or arrives `ms` later. */
  | 'crash-before'
  | 'crash-after'
  | 'crash-late'
  /** The disk says that it failed. */
  | 'disk-error'

export type TimedFaultKind =
  /** No message between `a` and `b`. */
  | 'partition'
  /** Process `a` ends at once, and is started again after `forMs`. */
  | 'crash'
  /** So does its machine: what its disk had not synced is gone. */
  | 'power'
  /** Shard `a` answers nobody. */
  | 'down'
  /** Every call to shard `a` takes `ms` more. */
  | 'slow-store'
  /** The clock of `a` goes wrong by `ms`. */
  | 'clock'
  /** The disk of pod `a` has no more room than `ms` bytes. */
  | 'full'

export type Fault =
  | { readonly at: string; readonly kind: CallFaultKind; readonly ms: number }
  | {
      /** During which migration of the run, and how long after its beginning. */
      readonly order: number
      readonly atMs: number
      readonly kind: TimedFaultKind
      readonly a: string
      readonly b?: string
      readonly ms?: number
      readonly forMs: number
    }

export type CallFault = Extract<Fault, { at: string }>
export type TimedFault = Exclude<Fault, { at: string }>
export type FaultPlan = readonly Fault[]

export interface CallRates {
  readonly lost: number
  readonly late: number
  readonly slow: number
  readonly crash: number
}

export interface DiskRates {
  readonly error: number
  readonly slow: number
  readonly crash: number
}

export const NO_FAULTS: CallRates & DiskRates = { lost: 0, late: 0, slow: 0, crash: 0, error: 0 }

/** How much later a late call can arrive. */
const LATE_MS = 3000
const SLOW_MS = 300

export class FaultSource {
  /** Those that happened. */
  readonly happened: Fault[] = []
  readonly #seed: number
  readonly #given: ReadonlyMap<string, CallFault> | undefined
  readonly #givenTimed: readonly TimedFault[] | undefined
  readonly #counts = new Map<string, number>()
  /** From here on nothing new goes wrong. */
  over = false

  constructor(seed: number, plan: FaultPlan | undefined) {
    this.#seed = seed
    this.#givenTimed = plan?.filter((fault) => 'atMs' in fault)
    this.#given = plan && new Map(plan.filter((fault) => 'at' in fault).map((fault) => [fault.at, fault]))
  }

  /** What happens when during this migration; `draw` where no plan was given. */
  timed(order: number, draw: () => readonly TimedFault[]): readonly TimedFault[] {
    return this.#givenTimed?.filter((fault) => fault.order === order) ?? draw()
  }

  /** What happens to the next call between these two. */
  ofCall(way: string, rates: CallRates): CallFault | undefined {
    return this.#next(way, (random, at) => drawCallFault(random, at, rates))
  }

  /** What happens to the next call of this process to its disk. */
  ofDisk(process: string, rates: DiskRates): CallFault | undefined {
    return this.#next(`${process}!disk`, (random, at) => drawDiskFault(random, at, rates))
  }

  #next(way: string, draw: (random: Random, at: string) => CallFault | undefined): CallFault | undefined {
    const count = (this.#counts.get(way) ?? 0) + 1
    this.#counts.set(way, count)
    if (this.over) return undefined
    const at = `${way}#${count}`
    const fault = this.#given ? this.#given.get(at) : draw(randomOf(this.#seed, at), at)
    if (fault) this.happened.push(fault)
    return fault
  }
}

function drawCallFault(random: Random, at: string, rates: CallRates): CallFault | undefined {
  const lot = random()
  let bound = rates.crash
  if (lot < bound) {
    const fate = random()
    const kind = fate < 0.3 ? 'crash-before' : fate < 0.7 ? 'crash-after' : 'crash-late'
    return { at, kind, ms: between(random, 0, LATE_MS) }
  }
  bound += rates.late
  if (lot < bound) return { at, kind: chance(random, 0.7) ? 'late' : 'twice', ms: between(random, 0, LATE_MS) }
  bound += rates.lost
  if (lot < bound)
    return {
      at,
      kind: chance(random, 0.5) ? 'lost-request' : 'lost-reply',
      ms: chance(random, 0.5) ? 0 : between(random, 0, 1000),
    }
  bound += rates.slow
  if (lot < bound) return { at, kind: 'slow', ms: between(random, 1, SLOW_MS) }
  return undefined
}

function drawDiskFault(random: Random, at: string, rates: DiskRates): CallFault | undefined {
  const lot = random()
  if (lot < rates.crash) return { at, kind: 'crash-before', ms: 0 }
  if (lot < rates.crash + rates.error) return { at, kind: 'disk-error', ms: 0 }
  if (lot < rates.crash + rates.error + rates.slow) return { at, kind: 'slow', ms: between(random, 1, SLOW_MS) }
  return undefined
}
