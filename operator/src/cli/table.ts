/** Rows of text as columns of equal width; the first row is the heading, where there is one. */
export function tableLines(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
}
