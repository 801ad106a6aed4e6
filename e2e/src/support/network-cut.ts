/** Cuts the network between pods of this machine, by rules of its packet filter that carry a name of their own. */
import { readFileSync } from 'node:fs'
import { run } from './run-command.ts'

const NAME = 'flk-e2e-cut'
const BRIDGED_PACKETS_ARE_FILTERED = '/proc/sys/net/bridge/bridge-nf-call-iptables'

/** Nothing passes between an address of the one side and one of the other while `during` runs. */
export async function withoutNetwork<T>(one: readonly string[], other: readonly string[], during: () => Promise<T>): Promise<T> {
  if (readFileSync(BRIDGED_PACKETS_ARE_FILTERED, 'utf8').trim() !== '1')
    throw new Error(`packets between pods pass no filter here: ${BRIDGED_PACKETS_ARE_FILTERED} is not 1`)
  const pairs = one.flatMap((a) => other.flatMap((b) => [[a, b] as const, [b, a] as const]))
  const rules = pairs.map(([from, to]) => [
    ...['FORWARD', '-s', from, '-d', to],
    ...['-m', 'comment', '--comment', NAME, '-j', 'DROP'],
  ])
  const made: string[][] = []
  try {
    for (const rule of rules) {
      await run('iptables', ['-w', '-I', ...rule])
      made.push(rule)
    }
    return await during()
  } finally {
    for (const rule of made) await run('iptables', ['-w', '-D', ...rule])
  }
}
