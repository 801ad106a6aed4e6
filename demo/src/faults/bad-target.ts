/**
 * The network of one new shard turns bad once it has a good share of the slots: every packet is late, so whoever needs that shard waits longer
 * than the fleet's latency gate allows. The gates must fail, and the operator must give every slot back through that same bad network.
 */
import type { Snapshot } from '../view/snapshot.ts'
import type { Fault } from './fault.ts'

/** Of the latency gate, one way: a round trip alone is then over it. */
const DELAY_SHARE = 0.65
/** Of all slots: a p95 cannot see what happens to fewer than one in twenty requests. */
const SEEN_SHARE = 0.06

export const badTarget: Fault = {
  // Which of the new shards gets slots first is the operator's business.
  proxied: ['shard-2', 'shard-3'],
  expectedEnd: 'RolledBack',
  async strike({ shards, events, until, p95GateMs }) {
    const delayMs = Math.round(p95GateMs * DELAY_SHARE)
    const index = slotShareHolder(
      await until((moment) => moment.migration?.phase === 'Cutover' && slotShareHolder(moment) !== undefined),
    )
    const bad = index === undefined ? undefined : shards[index]
    if (!bad?.proxy) throw new Error('the shard that got slots is not behind a proxy')
    bad.proxy.delayMs = delayMs
    events.warn(`fault: every packet to and from ${bad.name} is ${delayMs} ms late from now on`)
    const failed = await until(({ migration }) => migration?.gates.some(({ outcome }) => outcome === 'Fail') ?? false)
    const gate = failed.migration?.gates.find(({ outcome }) => outcome === 'Fail')
    events.info(`the gate "${gate?.name}" sees it: ${gate?.value?.toFixed(1)} against a limit of ${gate?.threshold}`)
    await until(({ migration }) => migration?.phase === 'RollingBack' || migration?.ended !== undefined)
    await until(
      ({ migration, slotOwners }) => migration?.ended !== undefined || (slotOwners?.every((owner) => owner === 0) ?? false),
    )
    bad.proxy.restore()
    events.good(`all slots are back at ${shards[0]?.name}; the network of ${bad.name} recovers`)
    await until(({ migration }) => migration?.ended !== undefined)
  },
}

/** The new shard that has enough slots for its trouble to be seen. */
function slotShareHolder({ slotOwners }: Snapshot): number | undefined {
  if (!slotOwners) return undefined
  const counts = new Map<number, number>()
  for (const owner of slotOwners) if (owner > 0) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return [...counts].find(([, count]) => count >= slotOwners.length * SEEN_SHARE)?.[0]
}
