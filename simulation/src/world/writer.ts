/** A small store client: follows hints, repeats what was not answered with the same content, and checks that all answers for a key agree. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type PutOutcome, type ShardData, type ShardId, ShardUnavailable } from '@fractal-lba/shards/port'
import type { Process } from './process.ts'
import { pick, type Random } from './random.ts'

export interface Workload {
  readonly keys: readonly { readonly key: Buffer; readonly slot: SlotId; readonly ttlMs: number }[]
  /** By key: the first answer, which has to be everyone's. */
  readonly answers: Map<string, string>
}

/** Records that live at least this long outlive the simulation. */
export const LONG_MS = 86_400_000

export class Writer {
  readonly #process: Process
  readonly #shards: ReadonlyMap<ShardId, ShardData>
  readonly #random: Random
  readonly #hints = new Map<SlotId, ShardId>()
  #attempt = 0
  acknowledged = 0

  constructor(process: Process, shards: ReadonlyMap<ShardId, ShardData>, random: Random) {
    this.#process = process
    this.#shards = shards
    this.#random = random
  }

  async run(workload: Workload, until: () => boolean): Promise<void> {
    while (!until()) {
      await this.#write(workload, until)
      await this.#process.sleep(this.#random() * 60)
    }
  }

  async #write({ keys, answers }: Workload, until: () => boolean): Promise<void> {
    const { key, slot, ttlMs } = pick(this.#random, keys)
    const content = `${this.#process.name}/${++this.#attempt}`
    const expiresAtMs = this.#process.now() + ttlMs
    while (!until()) {
      const outcome = await this.#put(slot, { key, slot, record: Buffer.from(content), expiresAtMs })
      if (outcome?.kind === 'written' || outcome?.kind === 'exists') {
        this.acknowledged++
        const record = outcome.kind === 'written' ? content : outcome.record.toString()
        // A record that expires in between makes two answers right.
        if (ttlMs >= LONG_MS) checkAnswer(answers, key.toString('latin1'), record)
        return
      }
      await this.#process.sleep(1 + this.#random() * 10)
    }
  }

  async #put(slot: SlotId, put: Parameters<ShardData['put']>[0][number]): Promise<PutOutcome | undefined> {
    const at = this.#hints.get(slot) ?? pick(this.#random, [...this.#shards.keys()])
    try {
      const { outcomes } = await this.#shards.get(at)!.put([put], this.#process.now() + 1000)
      const outcome = outcomes[0]!
      if (outcome.kind !== 'not-owner') this.#hints.set(slot, at)
      else if (outcome.owner && this.#shards.has(outcome.owner)) this.#hints.set(slot, outcome.owner)
      else this.#hints.delete(slot)
      return outcome
    } catch (error) {
      if (!(error instanceof ShardUnavailable)) throw error
      this.#hints.delete(slot)
      return undefined
    }
  }
}

function checkAnswer(answers: Workload['answers'], key: string, record: string): void {
  const known = answers.get(key)
  if (known === undefined) answers.set(key, record)
  else if (known !== record) throw new Error(`two answers for one key: ${known} and ${record}`)
}
