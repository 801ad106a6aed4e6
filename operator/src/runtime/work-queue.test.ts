import { describe, expect, it } from 'vitest'
import { manualClock } from './manual-clock.ts'
import { Outdated, type ReconcileResult, TerminalError } from './reconcile.ts'
import { BASE_BACKOFF_MS, MAX_BACKOFF_MS, MAX_OUTDATED_MS, WorkQueue } from './work-queue.ts'

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

function queueOf(reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>, concurrency = 4) {
  const clock = manualClock()
  const errors: (number | undefined)[] = []
  const queue = new WorkQueue({
    reconcile,
    clock,
    concurrency,
    onError: (_key, _error, retryAfterMs) => errors.push(retryAfterMs),
  })
  return { clock, queue, errors }
}

const done: ReconcileResult = { kind: 'done' }

describe('the work queue', () => {
  it('makes one more run of a hundred adds while a key runs', async () => {
    let runs = 0
    const first = Promise.withResolvers<void>()
    const { queue } = queueOf(async () => {
      runs++
      if (runs === 1) await first.promise
      return done
    })
    queue.add('a')
    await settle()
    for (let i = 0; i < 100; i++) queue.add('a')
    expect(queue.depth).toBe(0)
    first.resolve()
    await settle()
    expect(runs).toBe(2)
  })

  it('never runs a key twice at once, and other keys beside it', async () => {
    const running = new Set<string>()
    let most = 0
    const gate = Promise.withResolvers<void>()
    const { queue } = queueOf(async (key) => {
      expect(running.has(key)).toBe(false)
      running.add(key)
      most = Math.max(most, running.size)
      await gate.promise
      running.delete(key)
      return done
    })
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    await settle()
    queue.add('a')
    gate.resolve()
    await settle()
    expect(most).toBe(3)
  })

  it('keeps to its concurrency', async () => {
    const gate = Promise.withResolvers<void>()
    let running = 0
    let most = 0
    const { queue } = queueOf(async () => {
      most = Math.max(most, ++running)
      await gate.promise
      running--
      return done
    }, 2)
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
    await settle()
    expect(queue.depth).toBe(2)
    gate.resolve()
    await settle()
    expect(most).toBe(2)
  })

  it('backs off a failing key by doubling, up to its limit, and starts again after a success', async () => {
    let failing = true
    const { queue, clock, errors } = queueOf(async () => {
      if (failing) throw new Error('no')
      return done
    })
    queue.add('a')
    await settle()
    for (let i = 0; i < 24; i++) {
      clock.advance(errors.at(-1) ?? 0)
      await settle()
    }
    expect(errors.slice(0, 4)).toEqual([BASE_BACKOFF_MS, 2 * BASE_BACKOFF_MS, 4 * BASE_BACKOFF_MS, 8 * BASE_BACKOFF_MS])
    expect(errors.at(-1)).toBe(MAX_BACKOFF_MS)
    failing = false
    queue.add('a')
    await settle()
    failing = true
    queue.add('a')
    await settle()
    expect(errors.at(-1)).toBe(BASE_BACKOFF_MS)
  })

  it('leaves a key with a terminal error alone until something wakes it', async () => {
    let runs = 0
    const { queue, clock, errors } = queueOf(async () => {
      runs++
      throw new TerminalError('for ever')
    })
    queue.add('a')
    await settle()
    clock.advance(MAX_BACKOFF_MS * 2)
    await settle()
    expect([runs, errors]).toEqual([1, [undefined]])
    queue.add('a')
    await settle()
    expect(runs).toBe(2)
  })

  it('looks again soon at what had changed, a second later at most, and calls it no error', async () => {
    const at: number[] = []
    const results: string[] = []
    const clock = manualClock()
    const queue = new WorkQueue({
      reconcile: async () => {
        at.push(clock.now())
        if (at.length < 12) throw new Outdated('somebody else was faster')
        return done
      },
      clock,
      onError: () => expect.unreachable(),
      observer: {
        added() {},
        started() {},
        retried: () => expect.unreachable(),
        ended: (_ranMs, result) => results.push(result),
      },
    })
    queue.add('a')
    await settle()
    for (let i = 0; i < 12 * MAX_OUTDATED_MS; i++) {
      clock.advance(1)
      await settle()
    }
    const waits = at.slice(1).map((ms, i) => ms - (at[i] as number))
    expect(waits.slice(0, 3)).toEqual([BASE_BACKOFF_MS, 2 * BASE_BACKOFF_MS, 4 * BASE_BACKOFF_MS])
    expect(Math.max(...waits)).toBe(MAX_OUTDATED_MS)
    expect([queue.counters.errors, results.at(0), results.at(-1)]).toEqual([0, 'requeue_after', 'success'])
  })

  it('wakes a key when it asked to be woken, once, and sooner when something happens', async () => {
    const at: number[] = []
    const { queue, clock } = queueOf(async () => {
      at.push(clock.now())
      return at.length < 4 ? { kind: 'requeue', afterMs: 100 } : done
    })
    queue.add('a')
    await settle()
    clock.advance(99)
    await settle()
    clock.advance(1)
    await settle()
    clock.advance(40)
    queue.add('a')
    await settle()
    clock.advance(100)
    await settle()
    clock.advance(1000)
    await settle()
    expect(at).toEqual([0, 100, 140, 240])
  })

  it('stops taking work, tells what runs to stop, and waits for it', async () => {
    let ended = false
    const { queue } = queueOf(async (_key, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      ended = true
      return { kind: 'requeue', afterMs: 0 }
    })
    queue.add('a')
    await settle()
    await queue.stop()
    queue.add('b')
    expect([ended, queue.depth]).toEqual([true, 0])
  })
})
