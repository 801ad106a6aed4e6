/** Reads the text that Prometheus scrapes: sums of counters, and the bounds that a histogram's buckets give for a percentile. */

interface Sample {
  readonly labels: string
  readonly value: number
}

function samplesOf(text: string, name: string): Sample[] {
  return [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))].map(([, labels = '', value]) => ({
    labels,
    value: Number(value),
  }))
}

/** Over all series of the name. */
export const total = (text: string, name: string): number => samplesOf(text, name).reduce((sum, { value }) => sum + value, 0)

/** By bucket bound, over all series of the histogram. */
export function buckets(text: string, name: string): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { labels, value } of samplesOf(text, `${name}_bucket`)) {
    const bound = Number(/le="([^"]+)"/.exec(labels)?.[1]?.replace('+Inf', 'Infinity'))
    counts.set(bound, (counts.get(bound) ?? 0) + value)
  }
  return new Map([...counts].sort(([a], [b]) => a - b))
}

/** The lowest bucket bound that at least this share of what came after `before` lies under: the percentile is at most that. */
export function quantileAtMost(after: Map<number, number>, before: Map<number, number>, q: number): number {
  const since = (bound: number) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0)
  const all = since(Number.POSITIVE_INFINITY)
  return [...after.keys()].find((bound) => since(bound) >= q * all) ?? Number.POSITIVE_INFINITY
}
