/**
 * What a benchmark gives back: figures, each with the ceiling that was measured in the same run and the ratio that is wanted.
 * A figure never fails the run: a ratio that is not reached is shown as such.
 */

export interface Figure {
  /** What was measured, e.g. `ingest, memory, HMAC`. */
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What bounds it on this machine, measured in the same run. */
  readonly ceiling: { readonly name: string; readonly value: number }
  /** The ratio value / ceiling that is wanted: at least, or at most. */
  readonly wanted: { readonly atLeast: number } | { readonly atMost: number }
  /** What else is worth knowing, in a few words. */
  readonly note?: string
}

/** Things that are not ratios: what was measured of several ways, a row each. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Section {
  readonly title: string
  readonly figures: readonly Figure[]
  readonly table?: Table
}

export const ratioOf = (figure: Figure): number => figure.value / figure.ceiling.value

export function isReached(figure: Figure): boolean {
  const ratio = ratioOf(figure)
  return 'atLeast' in figure.wanted ? ratio >= figure.wanted.atLeast : ratio <= figure.wanted.atMost
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

/** The value below which a share `q` of the samples lies. NaN when there are none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
