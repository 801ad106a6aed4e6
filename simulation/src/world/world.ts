/** A fleet with all that is around it: shards, pods with their disks, clients, and whoever moves slots; who lives, who is cut off, what the time is. */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import type { ShardId } from '@fractal-lba/shards/port'
import { submitUntil } from './client.ts'
import type { Subject } from './corpus.ts'
import { SimulatedDisk } from './disk.ts'
import type { Happening, Observer } from './events.ts'
import { type CallRates, type DiskRates, type FaultSource, NO_FAULTS, type TimedFault } from './faults.ts'
import { Fleet } from './fleet.ts'
import { History } from './history.ts'
import { Invariants } from './invariants.ts'
import { Network } from './network.ts'
import { SimulatedPod } from './pod.ts'
import { Process } from './process.ts'
import { between, pick, type Random, randomOf } from './random.ts'
import { type Order, type Scenario, VNODES } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'
import { Seen } from './seen.ts'
import { drawTimedFaults, SHARD_CLOCK_MS } from './timed-faults.ts'
import type { Variant } from './variant.ts'

export interface WorldParts {
  readonly seed: number
  readonly scenario: Scenario
  readonly scheduler: Scheduler
  readonly faults: FaultSource
  readonly variant: Variant
  readonly observer: Observer | undefined
  readonly fail: (error: unknown) => void
}

interface Machine {
  readonly pod: SimulatedPod
  readonly disk: SimulatedDisk
  restarts: number
}

const RESTART_MS = 1500
const SWEEP_EVERY_MS = 300
const SWEEPER_CLOCK_MS = 60_000

export class World {
  readonly seed: number
  readonly scenario: Scenario
  readonly scheduler: Scheduler
  readonly network: Network
  readonly fleet: Fleet
  readonly invariants: Invariants
  readonly history = new History()
  readonly seen = new Seen()
  readonly variant: Variant
  /** What pods that start are told to run with. */
  readonly desired: { push: ConfigPush | undefined } = { push: undefined }
  readonly #parts: WorldParts
  readonly #startedAtMs: number
  readonly #machines = new Map<string, Machine>()
  readonly #skews = new Map<string, number>()
  readonly #mend = new Set<() => void>()
  readonly #processes = new Map<string, Process>()
  hasPassedLongTime = false
  #peace = false
  #closing = false

  constructor(parts: WorldParts) {
    const { scenario, scheduler, faults, variant, seed } = parts
    this.#parts = parts
    this.seed = seed
    this.scenario = scenario
    this.scheduler = scheduler
    this.variant = variant
    this.#startedAtMs = scheduler.now()
    this.network = new Network(
      scheduler,
      faults,
      (process) => this.end(process),
      (fault) => this.tell({ kind: 'fault', fault }),
    )
    const subjects = new Map(scenario.subjects.map((subject) => [subject.key.toString('latin1'), subject]))
    this.fleet = new Fleet(scenario.shards, scenario.slots, {
      now: () => scheduler.now(),
      network: this.network,
      variant,
      watch: {
        tell: (happening) => this.tell(happening),
        onDecided: (put) => {
          const before = this.invariants.decisionOf(put.slot, put.key.toString('latin1'))
          if (before) this.seen.add('decided again after its expiry')
          this.invariants.decided(put)
          this.history.decided(subjects.get(put.key.toString('latin1')) as Subject, put)
        },
        onTouched: (slots) => this.invariants.touched(slots),
      },
    })
    this.invariants = new Invariants({
      servers: [...this.fleet.shards.values()].map(({ server }) => server),
      slots: scenario.slots,
      now: () => scheduler.now(),
      toleranceMs: 3 * SHARD_CLOCK_MS,
    })
  }

  readonly fail = (error: unknown): void => this.#parts.fail(error)

  get peace(): boolean {
    return this.#peace
  }

  get pods(): readonly SimulatedPod[] {
    return [...this.#machines.values()].map(({ pod }) => pod)
  }

  tell(happening: Happening): void {
    const { scheduler } = this
    this.#look(happening)
    scheduler.note(digestible(happening))
    this.#parts.observer?.({ turn: scheduler.turns, atMs: scheduler.now() - this.#startedAtMs, ...happening })
  }

  #look(happening: Happening): void {
    const { seen } = this
    if (happening.kind === 'row') {
      const { before, after } = happening
      if (before?.role === 'released' && after?.role === 'owned') seen.add('slot switched back')
      if (before?.role === 'importing' && after?.role === 'owned') seen.add('slot switched')
    } else if (happening.kind === 'call' && happening.problem !== undefined) {
      if (/a newer operator/.test(happening.problem)) seen.add('call of a deposed one refused')
      if (/holds the lease/.test(happening.problem)) seen.add('lease held by another')
    }
  }

  random(name: string): Random {
    return randomOf(this.seed, name)
  }

  /** Chances of the calls of one kind of process; none in peace. */
  rates(crash: number): () => CallRates {
    const { harshness } = this.scenario
    const rates = { lost: 0.015 * harshness, late: 0.008 * harshness, slow: 0.01 * harshness, crash: crash * harshness }
    return () => (this.#peace ? NO_FAULTS : rates)
  }

  #diskRates(): DiskRates {
    const { harshness } = this.scenario
    return this.#peace ? NO_FAULTS : { error: 0.0015 * harshness, slow: 0.01 * harshness, crash: 0.003 * harshness }
  }

  spawn(name: string): Process {
    const process = new Process(name, this.scheduler, this.#skews.get(name) ?? 0)
    this.#processes.set(name, process)
    this.tell({ kind: 'process', process: name, what: 'started' })
    return process
  }

  /** It ends here and now; a pod is started again. */
  end(process: Process, powerLost = false, restartAfterMs?: number): void {
    if (!process.alive) return
    process.alive = false
    this.tell({ kind: 'process', process: process.name, what: 'died' })
    const machine = this.#machines.get(process.name)
    if (machine?.pod.process !== process) return
    machine.disk.crashed(powerLost)
    machine.pod.ended()
    if (this.#closing) return
    this.seen.add('pod started again')
    const random = this.random(`${process.name}.restart.${++machine.restarts}`)
    this.scheduler.after(restartAfterMs ?? random() * RESTART_MS, () => this.#start(machine))
  }

  startPods(): void {
    const { scenario, variant, history, fleet, desired } = this
    for (let index = 0; index < scenario.pods; index++) {
      const name = `pod-${index}`
      const disk = new SimulatedDisk({
        faultOf: (process) => {
          const fault = this.#parts.faults.ofDisk(process.name, this.#diskRates())
          if (fault) this.tell({ kind: 'fault', fault })
          return fault
        },
        onCrash: (process) => this.end(process, randomOf(this.seed, `${name}.power.${this.scheduler.turns}`)() < 0.4),
        random: this.random(`${name}.disk`),
      })
      const pod = new SimulatedPod({
        name,
        disk,
        fleet,
        vnodes: VNODES,
        history,
        seen: this.seen,
        variant,
        random: this.random(name),
        rates: this.rates(0.002),
        desired,
        shards: (scenario.orders.every(({ driver }) => driver === 'operator') ? scenario.from : scenario.shards).map(
          (id) => `memory://${id}`,
        ),
        ttlMs: (pcsId) => scenario.ttlMs.get(pcsId),
        onUnexplained: this.#parts.fail,
        onBroken: (process) => this.end(process),
      })
      const machine = { pod, disk, restarts: 0 }
      this.#machines.set(name, machine)
      this.#start(machine)
    }
  }

  #start(machine: Machine): void {
    const process = this.spawn(machine.pod.name)
    machine.pod.start(process).catch((error) => {
      if (!process.alive) return
      // A disk that fails while a log is opened ends a start; anything else is for people.
      if (!('code' in (error as object))) this.#parts.fail(new Error(`start: ${(error as Error).message}`, { cause: error }))
      this.end(process)
    })
  }

  /** Deletes expired records here and there, by a clock that may be far ahead, as pods do all the time. */
  async runSweeper(over: () => boolean): Promise<void> {
    const { shards, slots } = this.scenario
    const random = this.random('sweeps')
    const process = this.spawn('sweeper')
    process.skewMs = between(random, -SWEEPER_CLOCK_MS, SWEEPER_CLOCK_MS)
    const rates = this.rates(0)
    while (!over()) {
      await process.sleep(random() * 2 * SWEEP_EVERY_MS)
      const data = this.fleet.data(pick(random, shards), process, rates)
      await data.sweepExpired(pick(random, slots), process.now(), 100).catch(() => undefined)
    }
  }

  /** @returns once each has stopped, after `over`. */
  async runClients(over: () => boolean): Promise<void> {
    const { scenario } = this
    await Promise.all(
      Array.from({ length: scenario.clients }, (_, index) => {
        const process = this.spawn(`client-${index}`)
        return submitUntil(
          {
            process,
            network: this.network,
            pods: this.pods,
            subjects: scenario.subjects,
            history: this.history,
            seen: this.seen,
            random: this.random(process.name),
            rates: this.rates(0),
            expires: (pcsId) => scenario.ttlMs.has(pcsId) || this.hasPassedLongTime,
            thinkMs: scenario.thinkMs,
          },
          over,
        )
      }),
    )
  }

  /** Things go wrong from here, until it makes peace again. */
  trouble(order: Order, operators: readonly string[]): void {
    const { faults } = this.#parts
    this.#peace = false
    faults.over = false
    const timed = faults.timed(order.index, () => drawTimedFaults(this.seed, this.scenario, order, operators))
    for (const fault of timed) this.scheduler.after(fault.atMs, () => this.#apply(fault))
    this.scheduler.after(order.peaceAfterMs, () => this.makePeace())
  }

  #apply(fault: TimedFault): void {
    if (this.#peace) return
    this.#parts.faults.happened.push(fault)
    this.tell({ kind: 'fault', fault })
    const mend = this.#break(fault)
    if (!mend) return
    const once = () => {
      if (!this.#mend.delete(once)) return
      mend()
    }
    this.#mend.add(once)
    this.scheduler.after(fault.forMs, once)
  }

  /** @returns what mends it. */
  #break(fault: TimedFault): (() => void) | undefined {
    const { a, b, kind, ms = 0 } = fault
    const shard = this.fleet.shards.get(a as ShardId)
    switch (kind) {
      case 'partition':
        return b === undefined ? undefined : this.network.cut(a, b)
      case 'crash':
      case 'power': {
        const process = this.#processes.get(a)
        if (process) this.end(process, kind === 'power', fault.forMs)
        return undefined
      }
      case 'down':
        if (!shard) return undefined
        shard.alive = false
        return () => {
          shard.alive = true
        }
      case 'slow-store':
        return this.network.slow(a, ms)
      case 'clock':
        this.#setSkew(a, ms)
        return () => this.#setSkew(a, 0)
      case 'full': {
        const disk = this.#machines.get(a)?.disk
        if (!disk) return undefined
        const taken = Math.max(0, disk.freeBytes - ms)
        disk.freeBytes -= taken
        return () => {
          disk.freeBytes += taken
        }
      }
    }
  }

  #setSkew(name: string, ms: number): void {
    this.#skews.set(name, ms)
    const process = this.#processes.get(name)
    if (process) process.skewMs = ms
    const shard = this.fleet.shards.get(name as ShardId)
    if (shard) shard.skewMs = ms
  }

  /** So much of it that every decision expires and old logs may go. */
  passLongTime(): void {
    this.hasPassedLongTime = true
    this.tell({ kind: 'note', process: 'world', text: 'fifteen days pass' })
    this.scheduler.leap(15 * 86_400_000)
  }

  /** Nothing new goes wrong; what is wrong is mended. */
  makePeace(): void {
    if (this.#peace) return
    this.#peace = true
    this.#parts.faults.over = true
    for (const mend of [...this.#mend]) mend()
    this.tell({ kind: 'note', process: 'world', text: 'peace' })
  }

  /** Waits until pods have nothing left to do, stops them, and reads their logs. */
  async closePods(): Promise<void> {
    const { scheduler } = this
    while (!this.pods.every(({ settled }) => settled)) await scheduler.sleep(20)
    this.#closing = true
    await Promise.all(this.pods.map((pod) => pod.stop()))
    for (const [name, { pod, disk }] of this.#machines) {
      if (pod.process) this.end(pod.process)
      await pod.readLog(disk, this.spawn(`reader-of-${name}`))
    }
  }

  /** What pods do at their leisure: deletes what has expired, wherever it is. */
  async sweepAll(): Promise<void> {
    const process = this.spawn('sweeper')
    const rates = () => NO_FAULTS
    for (const id of this.scenario.shards) {
      const data = this.fleet.data(id, process, rates)
      for (const slot of this.scenario.slots) await data.sweepExpired(slot as SlotId, process.now(), 1000)
    }
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
