import { describe, expect, it } from 'vitest'
import type { Clock } from '../clock.ts'
import { TokenBucket } from './token-bucket.ts'

class ManualClock implements Clock {
  ms = 0
  now(): number {
    return this.ms
  }
  async sleep(ms: number): Promise<void> {
    this.ms += ms
  }
}

async function copyFor(bucket: TokenBucket, clock: ManualClock, seconds: number): Promise<number> {
  const untilMs = clock.ms + seconds * 1000
  let keys = 0
  while (clock.ms < untilMs) {
    await bucket.take(100)
    keys += 100
    clock.ms += 1
  }
  return keys / seconds
}

describe('the pace of the copy', () => {
  it('stays at its ceiling', async () => {
    const clock = new ManualClock()
    const rate = await copyFor(new TokenBucket(5000, clock), clock, 10)
    expect(rate).toBeGreaterThan(4800)
    expect(rate).toBeLessThan(5200)
  })

  it('falls while the fleet is slow, climbs back when it is not, and never stands still', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(10_000, clock)
    await copyFor(bucket, clock, 2)
    for (let second = 0; second < 10; second++) {
      bucket.adjust({ p95Ms: 190, limitMs: 200 })
      await copyFor(bucket, clock, 1)
    }
    expect(bucket.ratePerSecond).toBeLessThan(500)
    expect(bucket.ratePerSecond).toBeGreaterThan(0)
    for (let second = 0; second < 30; second++) {
      bucket.adjust({ p95Ms: 20, limitMs: 200 })
      await copyFor(bucket, clock, 1)
    }
    expect(bucket.ratePerSecond).toBe(10_000)
  })

  it('does not sleep off a debt at the floor when the fleet is well again', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(10_000, clock)
    await copyFor(bucket, clock, 1)
    for (let second = 0; second < 10; second++) {
      bucket.adjust({ p95Ms: 190, limitMs: 200 })
      await bucket.take(50)
    }
    const floor = bucket.ratePerSecond
    const debtKeys = 10_000
    const startedMs = clock.ms
    let nextReadingMs = clock.ms + 1000
    const sleep = clock.sleep.bind(clock)
    clock.sleep = async (ms) => {
      await sleep(ms)
      for (; clock.ms >= nextReadingMs; nextReadingMs += 1000) bucket.adjust({ p95Ms: 20, limitMs: 200 })
    }
    await bucket.take(debtKeys)
    expect((clock.ms - startedMs) / 1000).toBeLessThan(debtKeys / floor / 4)
  })

  it.each([
    ['a small ceiling is never undercut', 40, 40],
    ['a moderate one is left with a pace that ends', 1000, 50],
    ['a great one with its share', 10_000, 200],
  ])('has a floor: %s', async (_what, ceiling, floor) => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(ceiling, clock)
    for (let second = 0; second < 30; second++) {
      bucket.adjust({ p95Ms: 400, limitMs: 200 })
      await copyFor(bucket, clock, 3)
    }
    expect(bucket.ratePerSecond).toBeCloseTo(floor)
  })

  it('is found by measurement where no ceiling was given', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(undefined, clock)
    expect(await copyFor(bucket, clock, 1)).toBeGreaterThan(90_000)
    bucket.adjust({ p95Ms: 400, limitMs: 200 })
    const rate = await copyFor(bucket, clock, 2)
    expect(rate).toBeGreaterThan(40_000)
    expect(rate).toBeLessThan(60_000)
  })
})
