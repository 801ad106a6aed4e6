/** Writers that go on while slots move: they follow hints, repeat what was not answered, and remember each answer for the audit. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type SlotId, slotOfKey } from '@fractal-lba/protocol/ring/slots'
import { type Put, type ShardData, type ShardId, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Bed } from './shard-bed.ts'

const DAY_MS = 86_400_000
const BATCH = 20
const KEPT_KEYS = 500

export class LiveWriters {
  /** By key (hex): the record of the first answer. */
  readonly answers = new Map<string, string>()
  readonly contradictions: string[] = []
  /** Longest time from the first attempt to the answer. */
  longestMs = 0
  readonly #shards: ReadonlyMap<ShardId, ShardData>
  readonly #hints = new Map<SlotId, ShardId>()
  readonly #running: Promise<void>[]
  #stopped = false

  constructor(bed: Bed, writers: number, pauseMs: number) {
    this.#shards = new Map(bed.shards.map(({ id, data }) => [id, data]))
    this.#running = Array.from({ length: writers }, () => this.#run(pauseMs))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  async #run(pauseMs: number): Promise<void> {
    const mine: Buffer[] = []
    while (!this.#stopped) {
      const keys = Array.from({ length: BATCH }, () =>
        mine.length > 0 && Math.random() < 0.2 ? mine[Math.floor(Math.random() * mine.length)]! : randomBytes(32),
      )
      mine.push(...keys.slice(0, 2))
      if (mine.length > KEPT_KEYS) mine.splice(0, mine.length - KEPT_KEYS)
      await this.#decide(keys)
      await delay(pauseMs)
    }
  }

  async #decide(keys: readonly Buffer[]): Promise<void> {
    const startedAt = performance.now()
    let open = keys.map(
      (key): Put => ({ key, slot: slotOfKey(key), record: randomBytes(60), expiresAtMs: Date.now() + 14 * DAY_MS }),
    )
    while (open.length > 0) {
      const byShard = Map.groupBy(open, ({ slot }) => this.#hints.get(slot) ?? this.#any())
      open = (await Promise.all([...byShard].map(([shard, puts]) => this.#send(shard, puts)))).flat()
      if (open.length > 0) await delay(2)
    }
    this.longestMs = Math.max(this.longestMs, performance.now() - startedAt)
  }

  /** @returns the puts that have no answer yet. */
  async #send(shard: ShardId, puts: readonly Put[]): Promise<Put[]> {
    try {
      const { outcomes } = await this.#shards.get(shard)!.put(puts, Date.now() + 5000)
      return puts.filter((put, index) => {
        const outcome = outcomes[index]!
        if (outcome.kind === 'not-owner') {
          this.#hints.set(put.slot, outcome.owner && this.#shards.has(outcome.owner) ? outcome.owner : this.#any())
          return true
        }
        this.#hints.set(put.slot, shard)
        this.#answered(put.key, outcome.kind === 'written' ? put.record : outcome.record)
        return false
      })
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      return [...puts]
    }
  }

  #answered(key: Buffer, record: Buffer): void {
    const name = key.toString('hex')
    const text = record.toString('hex')
    const known = this.answers.get(name)
    if (known === undefined) this.answers.set(name, text)
    else if (known !== text) this.contradictions.push(name)
  }

  #any(): ShardId {
    const ids = [...this.#shards.keys()]
    return ids[Math.floor(Math.random() * ids.length)]!
  }
}

/** What is wrong with the fleet, given what the writers were told; empty when nothing is. */
export async function audit(bed: Bed, writers: LiveWriters): Promise<string[]> {
  const problems = writers.contradictions.map((key) => `two answers for ${key}`)
  const owners = new Map<SlotId, BedOwner[]>()
  for (const shard of bed.shards) {
    for (const row of (await shard.control.describe()).slots) {
      if (row.role !== 'owned') continue
      owners.set(row.slot, [...(owners.get(row.slot) ?? []), shard])
    }
  }
  for (const [slot, shards] of owners)
    if (shards.length > 1) problems.push(`slot ${slot} is owned by ${shards.map(({ id }) => id).join(' and ')}`)
  const keys = [...writers.answers.keys()].map((name) => Buffer.from(name, 'hex'))
  for (const shard of bed.shards) {
    for (let at = 0; at < keys.length; at += 1000) {
      const some = keys.slice(at, at + 1000)
      const records = await shard.data.get(some, Date.now() + 10_000)
      some.forEach((key, index) => {
        const owns = owners.get(slotOfKey(key))?.includes(shard) ?? false
        const record = records[index]?.toString('hex')
        if (owns && record !== writers.answers.get(key.toString('hex')))
          problems.push(`${shard.id} holds ${record ? 'another record' : 'nothing'} for ${key.toString('hex')}`)
        if (!owns && record !== undefined) problems.push(`${shard.id} still holds ${key.toString('hex')}, which it does not own`)
      })
    }
  }
  return problems.slice(0, 20)
}

type BedOwner = Bed['shards'][number]
