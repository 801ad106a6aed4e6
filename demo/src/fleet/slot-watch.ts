/** Asks every shard which slots it owns: they are the authority (I1), so this is the truth about the fleet and not the operator's word. */
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { openShardControl } from '@fractal-lba/shards/open'
import type { ShardControl } from '@fractal-lba/shards/port'

export class SlotWatch {
  readonly #shards: readonly ShardControl[]

  constructor(urls: readonly string[]) {
    this.#shards = urls.map((url) => openShardControl(parseShardAddress(url)))
  }

  /** For each slot the index of its shard; -1 where it changes hands at this moment. @throws ShardUnavailable */
  async read(): Promise<Int8Array> {
    const owners = new Int8Array(SLOT_COUNT).fill(-1)
    const described = await Promise.all(this.#shards.map((shard) => shard.describe()))
    for (const [index, { slots }] of described.entries())
      for (const row of slots) if (row.role === 'owned') owners[row.slot] = index
    return owners
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()))
  }
}
