/** One simulated life of a fleet, from one number: what is there, who writes what, how slots move, and what goes wrong when. */
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { runCommand } from './command.ts'
import type { Ended } from './ended.ts'
import { runEngines } from './engines.ts'
import type { Observer } from './events.ts'
import { SimulationFailure } from './failure.ts'
import { type FaultPlan, FaultSource } from './faults.ts'
import { runOperators } from './operators.ts'
import { type Driver, type Scenario, scenarioOf, VNODES } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import { OURS, type Variant } from './variant.ts'
import { World } from './world.ts'

const MAX_TURNS = 100_000

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
  readonly scenario: Scenario
  readonly outcome: Ended['outcome']
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
  let failure: { readonly error: unknown } | undefined
  const fail = (error: unknown) => {
    failure ??= { error }
  }
  const world = new World({ seed, scenario, scheduler, faults, variant, observer, fail })
  await world.fleet.found(scenario.from, VNODES)
  let ended: Ended | undefined
  tellStory(world).then((result) => {
    ended = result
  }, fail)
  await scheduler.run(
    () => ended !== undefined || failure !== undefined,
    () => world.invariants.check(),
    MAX_TURNS,
  )
  if (failure !== undefined) throw failure.error
  const { outcome } = ended as unknown as Ended
  return {
    seed,
    scenario,
    outcome,
    turns: scheduler.turns,
    virtualMs: scheduler.now() - startedAtMs,
    acknowledged: world.history.acknowledged,
    faults: faults.happened,
    digest: scheduler.digest,
  }
}

const DRIVERS: Readonly<Record<Driver, { readonly run: (world: World) => Promise<Ended>; readonly names: readonly string[] }>> = {
  operator: { run: runOperators, names: ['operator-1', 'operator-2', 'operator-3'] },
  command: { run: runCommand, names: ['command-1', 'command-2', 'command-3'] },
  engines: { run: runEngines, names: ['engine-1', 'engine-2', 'engine-3'] },
}

/** From the first pod to the last check. @throws Error naming what does not hold at the end. */
async function tellStory(world: World): Promise<Ended> {
  const { scenario, scheduler, invariants, history } = world
  const { run, names } = DRIVERS[scenario.driver]
  world.planFaults(names)
  scheduler.after(scenario.peaceAfterMs, () => world.makePeace())
  world.startPods()
  let over = false
  const clients = world.runClients(() => over)
  const ended = await run(world)
  over = true
  await clients
  await world.closePods()
  await world.sweepAll()
  const owners = ended.outcome === 'completed' ? scenario.to : scenario.from
  const placement = placeSlots(owners, VNODES)
  invariants.checkEnd((slot) => owners[placement[slot] as number])
  invariants.checkSwept()
  history.check((pcsId) => scenario.ttlMs.has(pcsId))
  return ended
}
