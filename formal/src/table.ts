/** Findings as a table for a terminal (pure). */
import type { Finding } from './finding.ts'

export function tableOf(findings: readonly Finding[]): string {
  const head = ['', 'model', 'what', 'generated', 'distinct', 'depth', 'seconds', 'result']
  const rows = findings.map(({ ok, name, what, generated, distinct, depth, seconds, result }) => [
    ok ? 'ok' : 'FAILED',
    name,
    what,
    counted(generated),
    counted(distinct),
    counted(depth),
    seconds.toFixed(1),
    result,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] as string).length)))
  const right = new Set([3, 4, 5, 6])
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          right.has(column) ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function counted(count: number | undefined): string {
  return count === undefined ? '' : count.toLocaleString('en')
}
