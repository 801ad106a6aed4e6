/** One simulated life of a fleet, from one number: what is there, who writes what, how slots move, and what goes wrong when. */
import { placeSlots } from '@fractal-lba/protocol/ring/ring'
import { checkCertificates } from './certificates.ts'
import { runCommand } from './command.ts'
import { runEngines } from './engines.ts'
import type { Observer } from './events.ts'
import { SimulationFailure } from './failure.ts'
import { type FaultPlan, FaultSource } from './faults.ts'
import { runOperators } from './operators.ts'
import { type Driver, type Scenario, scenarioOf, VNODES } from './scenario.ts'
import { Scheduler } from './scheduler.ts'
import type { Sight } from './seen.ts'
import type { Ended, Task } from './task.ts'
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
  /** What it came past, and how often. */
  readonly seen: ReadonlyMap<Sight, number>
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
    seen: world.seen.counts,
    faults: faults.happened,
    digest: scheduler.digest,
  }
}

const DRIVERS: Readonly<Record<Driver, { readonly run: (world: World, task: Task) => Promise<Ended>; readonly role: string }>> = {
  operator: { run: runOperators, role: 'operator' },
  command: { run: runCommand, role: 'command' },
  engines: { run: runEngines, role: 'engine' },
}

/** From the first pod to the last check. @throws Error naming what does not hold at the end. */
async function tellStory(world: World): Promise<Ended> {
  const { scenario, scheduler, invariants, history } = world
  world.startPods()
  let over = false
  const clients = Promise.all([world.runClients(() => over), world.runSweeper(() => over)])
  clients.catch(world.fail)
  // Not any more once it is looked at what is left: that would expire between the last sweep and the check.
  const pass = () => (over ? undefined : world.passLongTime())
  if (scenario.longPauseAtMs !== undefined) scheduler.after(scenario.longPauseAtMs, pass)
  let owners = scenario.from
  let ended: Ended | undefined
  for (const order of scenario.orders) {
    const { run, role } = DRIVERS[order.driver]
    const nameOf = (name: string, count: number) => `${name}-${10 * order.index + count}`
    world.trouble(order, [nameOf(role, 1), nameOf(role, 2), nameOf(role, 3)])
    ended = await run(world, { ...order, from: owners, nameOf })
    world.makePeace()
    if (ended.outcome === 'completed') owners = order.to
  }
  over = true
  await clients
  await world.closePods()
  await world.sweepAll()
  const placement = placeSlots(owners, VNODES)
  invariants.checkEnd((slot) => owners[placement[slot] as number])
  invariants.checkSwept()
  checkCertificates(world.fleet)
  history.check((pcsId) => scenario.ttlMs.has(pcsId) || world.hasPassedLongTime)
  return ended as Ended
}
