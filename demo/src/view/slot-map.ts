/** The slots of a fleet in one line: each column is an equal share of them and shows the shard that owns most of it. */

/** How a shard looks: its number, so that the line also reads without colours. */
export const SHARD_MARKS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const

export interface SlotColumn {
  /** Index of the shard that owns most slots of this column, or -1 where most have no owner. */
  readonly shard: number
  /** Whether it owns all of them. */
  readonly whole: boolean
}

export function slotColumns(owners: Int8Array, columns: number): SlotColumn[] {
  return Array.from({ length: columns }, (_, column) => {
    const slots = owners.subarray(
      Math.floor((column * owners.length) / columns),
      Math.floor(((column + 1) * owners.length) / columns),
    )
    const counts = new Map<number, number>()
    for (const owner of slots) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    const [shard, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [-1, 0]
    return { shard, whole: count === slots.length }
  })
}

export function slotShares(owners: Int8Array, shards: number): number[] {
  const counts = new Array<number>(shards).fill(0)
  for (const owner of owners) if (owner >= 0) counts[owner] = (counts[owner] ?? 0) + 1
  return counts
}
