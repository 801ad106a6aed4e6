/** Prints sections as a table for people, or as JSON for machines, with the machine they were taken on. */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { styleText } from 'node:util'
import { type Figure, isReached, ratioOf, type Section, type Table } from './measure.ts'

const LOAD_AT_START = Math.round((loadavg()[0] ?? 0) * 10) / 10

export function machine(): Record<string, string | number> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    node: process.version,
    // Above the number of cores at the start, others were at work too.
    loadAtStart: LOAD_AT_START,
  }
}

const number = (value: number) =>
  value >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : value >= 10
      ? value.toFixed(1)
      : Number(value.toPrecision(3)).toString()

function cells(figure: Figure): string[] {
  const wanted = 'atLeast' in figure.wanted ? `≥ ${figure.wanted.atLeast}` : `≤ ${figure.wanted.atMost}`
  return [
    figure.name,
    `${number(figure.value)} ${figure.unit}`,
    `${figure.ceiling.name}: ${number(figure.ceiling.value)}`,
    ratioOf(figure).toFixed(2),
    wanted,
    isReached(figure) ? 'reached' : 'not reached',
    figure.note ?? '',
  ]
}

const HEAD = ['figure', 'value', 'ceiling', 'ratio', 'wanted', '', 'note']

const tablesOf = (section: Section): Table[] => [
  ...(section.table ? [section.table] : []),
  { head: HEAD, rows: section.figures.map(cells) },
]

export function printTable(section: Section): void {
  console.log(`\n${styleText('bold', section.title)}`)
  for (const { head, rows } of tablesOf(section)) {
    const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
    for (const row of [head, ...rows]) {
      const line = row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ')
      console.log(row === head ? styleText('dim', line.trimEnd()) : line.trimEnd())
    }
  }
}

/** The same as Markdown, for docs/benchmarks.md. */
export function markdown(sections: readonly Section[]): string {
  const lines = [
    `Machine: ${Object.entries(machine())
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}.`,
  ]
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  for (const section of sections) {
    lines.push('', `## ${section.title}`)
    for (const { head, rows } of tablesOf(section)) lines.push('', row(head), row(head.map(() => '---')), ...rows.map(row))
  }
  return `${lines.join('\n')}\n`
}
