/**
 * The audit as a whole: gathers the evidence and judges it. Independent of the operator and of everything it wrote; used at the end of a
 * run and as a command (`main.ts`).
 */
import type { Evidence } from './evidence.ts'
import { judge, type Verdict } from './judge.ts'
import { readJournals } from './read-journals.ts'
import { readPodLog } from './read-logs.ts'
import { readShards } from './read-shards.ts'

export interface AuditOptions {
  readonly journals: string
  /** Addresses of all shards; none where the store is embedded in the verifier. */
  readonly shards: readonly string[]
  /** One log folder a pod. */
  readonly wals: readonly string[]
  /** The change is over: nothing may be left of it. */
  readonly settled: boolean
  /** Names in the journals that stand for any of the pods. */
  readonly balancers?: readonly string[]
}

/** @throws Error when evidence cannot be read: then nothing is said about it. */
export async function audit(options: AuditOptions): Promise<Verdict> {
  return judge(await gather(options), { settled: options.settled, balancers: options.balancers ?? [] })
}

/** @throws Error when evidence cannot be read. */
export async function gather(options: Pick<AuditOptions, 'journals' | 'shards' | 'wals'>): Promise<Evidence> {
  const { submitted, answers, refused } = await readJournals(options.journals)
  const logs = await Promise.all(options.wals.map(readPodLog))
  const keys = new Set([...submitted.keys(), ...logs.flatMap((log) => log.won.map(({ key }) => key))])
  const shards = await readShards(options.shards, [...keys])
  return { submitted, answers, refused, shards, logs }
}
