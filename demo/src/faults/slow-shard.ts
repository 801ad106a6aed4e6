/**
 * The network of the source turns slow while keys are copied: not so slow that a gate fails, but near it. The copy must notice that users
 * feel it and back off, and may hurry again once the network has recovered.
 */
import type { Snapshot } from '../view/snapshot.ts'
import { type Fault, inMidCopy } from './fault.ts'

/** What the fleet's p95 should be after the first delay, as a share of its gate; from there it is adjusted. */
const FIRST_SHARE = 0.7
/** By how much of a delay the p95 grows: a put meets it once each way, and waits for the one before it too. */
const DELAYS_IN_P95 = 4
/** Between these shares of its gate the fleet's p95 is kept: a copy backs off from 0.8 on, a gate fails at 1. */
const NEAR = { from: 0.83, to: 0.92 } as const
/** The copy has backed off when it does less than this share of what it did. */
const BACKED_OFF = 0.5
const ADJUST_EVERY_MS = 1000
/** Copies go in batches and are told about in steps: less than this is no rate. */
const RATE_OVER_MS = 2500

export const slowShard: Fault = {
  proxied: ['shard-1'],
  // Slow from the start, so that the copy lasts long enough to see it get slower.
  copyPerSubmission: 0.25,
  expectedEnd: 'Completed',
  async strike({ shards, events, until, p95GateMs }) {
    const slow = shards.find(({ proxy }) => proxy)
    if (!slow?.proxy) throw new Error('no shard is behind a proxy')
    const { proxy, name } = slow
    const began = await until(inMidCopy)
    let moment = await until(({ elapsedMs }) => elapsedMs >= began.elapsedMs + RATE_OVER_MS)
    const history = [began, moment]
    const before = copyRate(history)
    proxy.delayMs = Math.max(1, (p95GateMs * FIRST_SHARE - (gateP95(moment) ?? 0)) / DELAYS_IN_P95)
    events.warn(
      `fault: every packet to and from ${name} is about ${proxy.delayMs.toFixed(0)} ms late; the copy does ${before.toFixed(0)} keys/s, the fleet's p95 is ${gateP95(moment)?.toFixed(0)} ms`,
    )
    for (;;) {
      const next = moment.elapsedMs + ADJUST_EVERY_MS
      moment = await until(({ elapsedMs }) => elapsedMs >= next)
      const { migration } = moment
      history.push(moment)
      const rate = copyRate(history)
      const share = (gateP95(moment) ?? 0) / p95GateMs
      if (migration?.phase !== 'Copying') {
        proxy.restore()
        throw new Error('the copy ended without having backed off')
      }
      if (share >= 0.8 && rate < before * BACKED_OFF) break
      if (share < NEAR.from) proxy.delayMs *= 1.1
      if (share > NEAR.to) proxy.delayMs *= 0.8
    }
    events.good(
      `the copy has backed off to ${copyRate(history).toFixed(0)} keys/s, with the fleet's p95 at ${gateP95(moment)?.toFixed(0)} of ${p95GateMs} ms; the network of ${name} recovers`,
    )
    proxy.restore()
  },
}

/** Keys copied a second, over the last while. */
function copyRate(history: readonly Snapshot[]): number {
  const last = history.at(-1)
  const first = last && history.findLast(({ elapsedMs }) => elapsedMs <= last.elapsedMs - RATE_OVER_MS)
  if (!first || !last) return 0
  return (((last.migration?.keysCopied ?? 0) - (first.migration?.keysCopied ?? 0)) * 1000) / (last.elapsedMs - first.elapsedMs)
}

/** What the gate measures of the fleet's p95, in ms. */
function gateP95({ migration }: Snapshot): number | undefined {
  return migration?.gates.find(({ name }) => name === 'p95')?.value
}
