/** One simulated life of a fleet, from one number: what is there, who writes what, how slots move, and what goes wrong when. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type Ended, operate } from './engines.ts'
import type { Happening, Observer } from './events.ts'
import { SimulationFailure } from './failure.ts'
import { type CallRates, type FaultPlan, FaultSource, NO_FAULTS } from './faults.ts'
import { Fleet } from './fleet.ts'
import { Invariants } from './invariants.ts'
import { Network } from './network.ts'
import { Process } from './process.ts'
import { between, chance, pick, randomOf } from './random.ts'
import { type Scenario, scenarioOf, VNODES } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { OURS, type Variant } from './variant.ts'
import { LONG_MS, type Workload, Writer } from './writer.ts'

const MAX_TURNS = 60_000

export interface RunOptions {
  /** Exactly these faults, instead of those that the seed draws. */
  readonly faults?: FaultPlan
  /** Parts of the scenario that are not drawn. */
  readonly scenario?: Partial<Scenario>
  readonly observer?: Observer
  readonly variant?: Variant
}

export interface Life {
  readonly seed: number
  readonly outcome: 'completed' | 'rolled-back'
  readonly turns: number
  readonly virtualMs: number
  readonly acknowledged: number
  /** Those that happened. */
  readonly faults: FaultPlan
  /** Of everything that happened: the same for the same seed, options and code. */
  readonly digest: string
}

/** @throws SimulationFailure */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<Life> {
  const scheduler = new Scheduler(seed)
  const faults = new FaultSource(seed, options.faults)
  try {
    return await live(seed, options, scheduler, faults)
  } catch (error) {
    throw new SimulationFailure(seed, scheduler.turns, faults.happened, error)
  }
}

async function live(seed: number, options: RunOptions, scheduler: Scheduler, faults: FaultSource): Promise<Life> {
  const { observer, variant = OURS } = options
  const scenario = { ...scenarioOf(seed), ...options.scenario }
  const startedAtMs = scheduler.now()
  const tell = (happening: Happening): void => {
    scheduler.note(digestible(happening))
    observer?.({ turn: scheduler.turns, atMs: scheduler.now() - startedAtMs, ...happening })
  }
  const network = new Network(
    scheduler,
    faults,
    (process) => {
      process.alive = false
      tell({ kind: 'process', process: process.name, what: 'died' })
    },
    (fault) => tell({ kind: 'fault', fault }),
  )
  const fleet: Fleet = new Fleet(scenario.shards, scenario.slots, {
    now: () => scheduler.now(),
    network,
    variant,
    watch: {
      tell,
      onDecided: (put) => invariants.decided(put),
      onTouched: (slots) => invariants.touched(slots),
    },
  })
  const invariants = new Invariants({
    servers: [...fleet.shards.values()].map(({ server }) => server),
    slots: scenario.slots,
    now: () => scheduler.now(),
    toleranceMs: 0,
  })
  await fleet.found(scenario.from, VNODES)

  let ended: Ended | undefined
  let failure: { readonly error: unknown } | undefined
  const fail = (error: unknown) => {
    failure ??= { error }
  }
  const over = () => ended !== undefined || failure !== undefined
  const workload: Workload = { keys: someKeys(seed, scenario.slots, 60), answers: new Map() }
  const rates: CallRates = { ...NO_FAULTS, lost: 0.02, late: 0.01 }
  const writers = ['a', 'b', 'c'].map((name) => {
    const process = new Process(`writer-${name}`, scheduler)
    const shards = new Map(scenario.shards.map((id) => [id, fleet.data(id, process, () => rates)]))
    return new Writer(process, shards, randomOf(seed, process.name))
  })
  operate(seed, scenario, fleet, scheduler, tell).then((result) => {
    ended = result
  }, fail)
  for (const writer of writers) writer.run(workload, over).catch(fail)
  await scheduler.run(over, () => invariants.check(), MAX_TURNS)
  if (failure !== undefined) throw failure.error
  invariants.checkEnd(false)
  return {
    seed,
    outcome: (ended as unknown as Ended).outcome,
    turns: scheduler.turns,
    virtualMs: scheduler.now() - startedAtMs,
    acknowledged: writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    faults: faults.happened,
    digest: scheduler.digest,
  }
}

function digestible(happening: Happening): string {
  switch (happening.kind) {
    case 'row':
      return `${happening.shard} ${happening.slot} ${happening.after?.role}`
    case 'call':
      return `${happening.process} ${happening.call} ${happening.problem === undefined}`
    case 'fault':
      return happening.fault.kind
    case 'process':
      return `${happening.process} ${happening.what}`
    case 'note':
      return happening.text
  }
}

function someKeys(seed: number, slots: readonly SlotId[], count: number): Workload['keys'] {
  const random = randomOf(seed, 'keys')
  return Array.from({ length: count }, (_, index) => {
    const slot = pick(random, slots)
    const key = Buffer.alloc(32, index)
    key.writeUInt16BE((slot << 2) | (index & 3), 0)
    return { key, slot, ttlMs: chance(random, 0.1) ? between(random, 500, 3500) : 14 * LONG_MS }
  })
}
