/**
 * The network of the source turns slow while keys are copied: not so slow that a gate fails, but near it. The copy must notice that users
 * feel it and back off, and may hurry again once the network has recovered.
 */
import { type Fault, inMidCopy } from './fault.ts'

/** Of the latency gate, one way: a round trip and the fleet's own work come near the gate and stay below. */
const DELAY_SHARE = 0.38
/** The copy has backed off when it does less than this share of what it did. */
const BACKED_OFF = 0.6

export const slowShard: Fault = {
  proxied: ['shard-1'],
  expectedEnd: 'Completed',
  async strike({ shards, events, until, p95GateMs }) {
    const delayMs = Math.round(p95GateMs * DELAY_SHARE)
    const slow = shards.find(({ proxy }) => proxy)
    if (!slow?.proxy) throw new Error('no shard is behind a proxy')
    const before = await until((moment) => inMidCopy(moment) && (moment.migration?.keysPerSecond ?? 0) > 0)
    const rateBefore = before.migration?.keysPerSecond ?? 0
    slow.proxy.delayMs = delayMs
    events.warn(
      `fault: every packet to and from ${slow.name} is ${delayMs} ms late; the copy does ${rateBefore.toFixed(0)} keys/s, the fleet's p95 is ${before.load.p95Ms?.toFixed(0)} ms`,
    )
    const after = await until(
      ({ migration }) => migration?.phase !== 'Copying' || migration.keysPerSecond < rateBefore * BACKED_OFF,
    )
    slow.proxy.restore()
    if (after.migration?.phase !== 'Copying') throw new Error('the copy ended without having backed off')
    events.good(
      `the copy has backed off to ${after.migration.keysPerSecond.toFixed(0)} keys/s (p95 ${after.load.p95Ms?.toFixed(0)} ms); the network of ${slow.name} recovers`,
    )
  },
}
