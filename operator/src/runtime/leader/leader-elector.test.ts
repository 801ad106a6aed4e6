import { describe, expect, it } from 'vitest'
import { TransportError } from '../client/api-error.ts'
import type { Clock } from '../clock.ts'
import { type ManualClock, manualClock } from '../manual-clock.ts'
import { MemoryLeaseStore } from '../testing/memory-lease-store.ts'
import { randomOf } from '../testing/random.ts'
import { LeaderElector, type Leadership, NotLeading } from './leader-elector.ts'
import type { Lease } from './lease-record.ts'
import type { LeaseStore } from './lease-store.ts'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
const START_MS = Date.UTC(2026, 0, 1)

/** A process: its wall clock is off by some, it can be paused, and what it asks may be slow or fail. */
class Process {
  readonly elector: LeaderElector
  readonly leaderships: Leadership[] = []
  readonly errors: string[] = []
  /** Set to keep `lead` from returning after its signal. */
  finishing: Promise<void> = Promise.resolve()
  failing = false
  #resumed: PromiseWithResolvers<void> | undefined
  /** Of the wall clock, which a person may set. */
  offsetMs: number

  constructor(
    name: string,
    world: ManualClock,
    store: LeaseStore,
    offsetMs = 0,
    trouble: () => Promise<'fine' | 'refused' | 'lost'> = async () => 'fine',
  ) {
    this.offsetMs = offsetMs
    const clock: Clock = {
      now: () => world.now() + this.offsetMs,
      after: (ms, callback) => {
        let cancelled = false
        const cancel = world.after(ms, async () => {
          await this.#awake()
          if (!cancelled) callback()
        })
        return () => {
          cancelled = true
          cancel()
        }
      },
    }
    const slow = async <R>(call: () => Promise<R>): Promise<R> => {
      const how = await trouble()
      if (how === 'refused') throw new TransportError(name, 'refused')
      try {
        const result = await call()
        if (how === 'lost') throw new TransportError(name, 'the answer was lost')
        return result
      } finally {
        await trouble()
        await this.#awake()
      }
    }
    this.elector = new LeaderElector({
      ...{ namespace: 'ns', name: 'lease', identity: name, clock, monotonicNow: () => world.now() - START_MS, random: () => 0.5 },
      store: {
        read: (signal) => slow(() => store.read(signal)),
        create: (lease: Lease, signal) => slow(() => store.create(lease, signal)),
        replace: (lease: Lease, signal) => slow(() => store.replace(lease, signal)),
        freed: (lease: Lease, signal) => store.freed(lease, signal).then(() => this.#awake()),
      },
      lead: async (leadership) => {
        this.leaderships.push(leadership)
        if (this.failing) throw new Error('a bug')
        await new Promise<void>((resolve) => {
          if (leadership.signal.aborted) resolve()
          leadership.signal.addEventListener('abort', () => resolve())
        })
        await this.finishing
      },
      onError: (doing, error) => this.errors.push(`${doing}: ${error}`),
    })
    this.elector.start()
  }

  get paused(): boolean {
    return this.#resumed !== undefined
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers()
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  /** Whether a write would be let through now. */
  mayWrite(): boolean {
    try {
      const present = this.leaderships.at(-1)
      present?.assertLeading()
      return present !== undefined
    } catch (error) {
      expect(error).toBeInstanceOf(NotLeading)
      return false
    }
  }

  #awake(): Promise<void> {
    return this.#resumed?.promise ?? Promise.resolve()
  }
}

async function pass(world: ManualClock, ms: number, each: () => void = () => {}): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    world.advance(50)
    await settle()
    each()
  }
}

describe('the leader election', () => {
  it('makes one of three the leader, and another once that one is gone for the lease and a retry', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const processes = [0, 3_600_000, -86_400_000].map((offsetMs, i) => new Process(`p${i}`, world, store, offsetMs))
    await pass(world, 5_000)
    const first = processes.filter((one) => one.elector.isLeader)
    expect(first).toHaveLength(1)
    await pass(world, 60_000)
    expect(processes.filter((one) => one.elector.isLeader)).toEqual(first)
    // Killed: it never runs again.
    first[0]?.pause()
    const killedMs = world.now()
    let tookOverMs = 0
    await pass(world, 20_000, () => {
      if (tookOverMs === 0 && processes.some((one) => one !== first[0] && one.elector.isLeader))
        tookOverMs = world.now() - killedMs
    })
    expect(tookOverMs).toBeGreaterThan(10_000)
    expect(tookOverMs).toBeLessThanOrEqual(15_000 + 2 * 2_400)
  })

  it('hands over at once when it is stopped, after its work has ended', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const [first, second] = [new Process('first', world, store), new Process('second', world, store)]
    await pass(world, 1_000)
    const work = Promise.withResolvers<void>()
    first.finishing = work.promise
    const stopped = first.elector.stop()
    await pass(world, 500)
    expect(first.leaderships[0]?.signal.aborted).toBe(true)
    // It still holds the lease, and may bring its work to a safe end.
    expect([first.mayWrite(), second.elector.isLeader, store.lease?.spec?.holderIdentity]).toEqual([true, false, 'first'])
    work.resolve()
    await stopped
    await settle()
    await settle()
    expect([second.elector.isLeader, second.elector.epoch]).toEqual([true, (first.leaderships[0]?.epoch as number) + 1])
    expect(first.mayWrite()).toBe(false)
    await second.elector.stop()
    expect(store.lease?.spec?.holderIdentity).toBe('')
  })

  it('lets no work that does not end write on beyond the deadline', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const [first, second] = [new Process('first', world, store), new Process('second', world, store)]
    await pass(world, 1_000)
    first.finishing = new Promise(() => {})
    void first.elector.stop()
    await pass(world, 11_000)
    expect([first.mayWrite(), second.elector.isLeader]).toEqual([false, false])
    await pass(world, 10_000)
    expect([first.mayWrite(), second.mayWrite()]).toEqual([false, true])
  })

  it('notices first thing after a pause that it leads no more, before any of its timers runs', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const sleeper = new Process('sleeper', world, store)
    await pass(world, 1_000)
    expect(sleeper.mayWrite()).toBe(true)
    const other = new Process('other', world, store)
    sleeper.pause()
    await pass(world, 30_000)
    expect(other.elector.isLeader).toBe(true)
    sleeper.resume()
    expect(sleeper.mayWrite()).toBe(false)
    expect(sleeper.leaderships[0]?.signal.reason.message).toMatch(/the lease was not renewed for \d+ ms/)
  })

  it('is not fooled by a wall clock that is set back', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const one = new Process('one', world, store)
    await pass(world, 1_000)
    one.pause()
    await pass(world, 11_000)
    one.offsetMs -= 20_000
    expect(one.mayWrite()).toBe(false)
  })

  it('aborts its signal when it cannot renew, though the request hangs', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    let hang = false
    const one = new Process('one', world, store, 0, () => (hang ? new Promise(() => {}) : Promise.resolve('fine')))
    await pass(world, 1_000)
    hang = true
    await pass(world, 8_000)
    expect(one.leaderships[0]?.signal.aborted).toBe(false)
    await pass(world, 3_000)
    expect(one.leaderships[0]?.signal.aborted).toBe(true)
  })

  it('lets another try when its work fails, and does not hurry back', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const one = new Process('one', world, store)
    one.failing = true
    await pass(world, 10_000)
    expect(one.leaderships.length).toBeGreaterThan(1)
    expect(one.leaderships.length).toBeLessThanOrEqual(6)
    expect(one.errors.at(-1)).toBe('leading: Error: a bug')
    const two = new Process('two', world, store)
    await pass(world, 5_000)
    expect([one.elector.isLeader, two.elector.isLeader]).toEqual([false, true])
  })

  it('never lets the epoch fall back, even where the lease is deleted', async () => {
    const world = manualClock(START_MS)
    const store = new MemoryLeaseStore()
    const one = new Process('one', world, store)
    await pass(world, 5_000)
    store.remove()
    await pass(world, 5_000)
    await one.elector.stop()
    const two = new Process('two', world, store)
    await pass(world, 5_000)
    const epochs = [...one.leaderships, ...two.leaderships].map(({ epoch }) => epoch)
    expect(epochs).toHaveLength(3)
    expect([...epochs].sort((a, b) => a - b)).toEqual(epochs)
    expect(new Set(epochs).size).toBe(3)
  })

  it('has never two leaders, and each has a higher epoch, whatever pauses, fails, is slow or is lost', async () => {
    const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 12 }, (_, i) => i + 1)
    let handovers = 0
    for (const seed of seeds) {
      const random = randomOf(seed)
      const world = manualClock(START_MS)
      const store = new MemoryLeaseStore()
      const trouble = async () => {
        if (random() < 0.3) await new Promise<void>((resolve) => void world.after(random() * 6_000, resolve))
        const dice = random()
        return dice < 0.1 ? 'refused' : dice < 0.2 ? 'lost' : 'fine'
      }
      const processes = [0, 1, 2].map((i) => new Process(`p${i}`, world, store, (random() - 0.5) * 1e7, trouble))
      await pass(world, 300_000, () => {
        for (const one of processes) {
          if (one.paused ? random() < 0.005 : random() < 0.001) one.paused ? one.resume() : one.pause()
          if (random() < 0.001) one.offsetMs += (random() - 0.5) * 1e5
        }
        // A paused process asks before it writes once it runs again, so all are asked, paused or not.
        const leading = processes.filter((one) => one.mayWrite())
        expect(leading.length, `seed ${seed}, at ${world.now() - START_MS} ms`).toBeLessThanOrEqual(1)
      })
      const epochs = processes.flatMap((one) => one.leaderships.map(({ epoch }) => epoch))
      expect(new Set(epochs).size, `seed ${seed}: each leadership has an epoch of its own`).toBe(epochs.length)
      handovers += epochs.length - 1
      for (const one of processes) one.resume()
    }
    expect(handovers).toBeGreaterThan(seeds.length)
  })
})
