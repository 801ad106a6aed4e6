/** Text tables: columns as wide as their content, numbers to the right. */

export interface Column<T> {
  readonly title: string
  readonly value: (row: T) => string | number
}

export function table<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)))
  const widths = columns.map(({ title }, column) => Math.max(title.length, ...cells.map((row) => text(row[column]!).length)))
  const line = (values: readonly (string | number)[]) =>
    values
      .map((value, column) => (typeof value === 'number' ? text(value).padStart(widths[column]!) : value.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].join('\n')
}

function text(value: string | number): string {
  return typeof value === 'number' ? value.toLocaleString('en') : value
}
