/**
 * The network of one new shard turns bad once it has slots: every packet is late, so whoever needs that shard waits longer than the fleet's
 * latency gate allows. The gates must fail, and the operator must take the change back, through that same bad network.
 */
import type { Fault } from './fault.ts'
import { inMidCutover } from './fault.ts'

/** One way; a round trip alone is then over the gate of 200 ms. */
const DELAY_MS = 130

export const badTarget: Fault = {
  proxied: 'shard-2',
  expectedEnd: 'RolledBack',
  async strike({ shards, events, until }) {
    const bad = shards.find(({ proxy }) => proxy)
    if (!bad?.proxy) throw new Error('no shard is behind a proxy')
    await until(inMidCutover)
    bad.proxy.delayMs = DELAY_MS
    events.warn(`fault: every packet to and from ${bad.name} is ${DELAY_MS} ms late from now on`)
    const failed = await until(({ migration }) => migration?.gates.some(({ outcome }) => outcome === 'Fail') ?? false)
    const gate = failed.migration?.gates.find(({ outcome }) => outcome === 'Fail')
    events.info(`the gate ${gate?.name} sees it: ${gate?.value?.toFixed(1)} against a limit of ${gate?.threshold}`)
    await until(({ migration }) => migration?.phase === 'RollingBack' || migration?.ended !== undefined)
    events.info('the operator takes the change back')
    await until(({ migration }) => migration?.ended !== undefined)
    bad.proxy.restore()
  },
}
