/** Prints sections as a table for people, or as JSON for machines, with the machine they were taken on. */
import { cpus, release, totalmem } from 'node:os'
import { styleText } from 'node:util'
import { type Figure, isReached, ratioOf, type Section } from './measure.ts'

export function machine(): Record<string, string | number> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    node: process.version,
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

export function printTable(section: Section): void {
  const rows = [HEAD, ...section.figures.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  console.log(`\n${styleText('bold', section.title)}`)
  for (const row of rows) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] as number)).join('  ')
    console.log(row === HEAD ? styleText('dim', line.trimEnd()) : line.trimEnd())
  }
}

/** The same as Markdown, for docs/benchmarks.md. */
export function markdown(sections: readonly Section[]): string {
  const lines = [
    `Machine: ${Object.entries(machine())
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}.`,
  ]
  for (const section of sections) {
    lines.push('', `## ${section.title}`, '', `| ${HEAD.join(' | ')} |`, `| ${HEAD.map(() => '---').join(' | ')} |`)
    for (const figure of section.figures) lines.push(`| ${cells(figure).join(' | ')} |`)
  }
  return `${lines.join('\n')}\n`
}
