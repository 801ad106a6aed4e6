/** The last word of a run, or of a check of a file. */
import type { Verdict } from '@fractal-lba/demo/audit/judge'
import { reportLines } from '@fractal-lba/demo/audit/report'
import { type Checked, findingsByKind } from '../check/check.ts'
import type { MadeHistory } from '../run/make-history.ts'

const LISTED_OF_A_KIND = 5
const n = (value: number) => value.toLocaleString('en-US')
const row = (name: string, value: string) => `  ${name.padEnd(22)}${value}`

export function checkedLines({ own, ownMs, porcupine, disagreements }: Checked): string[] {
  const lines = [
    row(
      'Operations',
      `${n(own.operations)} on ${n(own.keys)} keys: ${n(own.acknowledged)} acknowledged, ${n(own.unknown)} with an unknown outcome`,
    ),
    row('Own checker', `${own.findingsCount === 0 ? 'holds' : `${n(own.findingsCount)} findings`} (${seconds(ownMs)})`),
    row(
      'Porcupine',
      `${porcupine.badKeys.length === 0 ? 'linearizable' : `not linearizable: ${n(porcupine.badKeys.length)} keys`}${porcupine.untold.length > 0 ? `, ${porcupine.untold.length} keys took too long` : ''} (${seconds(porcupine.ms)})`,
    ),
  ]
  for (const disagreement of disagreements) lines.push(row('THEY DISAGREE', disagreement))
  for (const [kind, all] of findingsByKind(own.findings)) {
    for (const { what } of all.slice(0, LISTED_OF_A_KIND)) lines.push(`    ${kind}: ${what}`)
    if (all.length > LISTED_OF_A_KIND) lines.push(`    ${kind}: and ${n(all.length - LISTED_OF_A_KIND)} more`)
  }
  return lines
}

/** @param forgiven keys that may be wrong, for a reason that was named */
export function checkHolds({ own, porcupine, disagreements }: Checked, forgiven: ReadonlySet<string> = new Set()): boolean {
  const wrong = own.findings.some(({ key }) => !forgiven.has(key)) || porcupine.badKeys.some((key) => !forgiven.has(key))
  return !wrong && own.findings.length === own.findingsCount && porcupine.untold.length === 0 && disagreements.length === 0
}

export function auditHolds({ findings }: Verdict, forgiven: ReadonlySet<string>): boolean {
  return findings.every(({ key }) => key !== undefined && forgiven.has(key))
}

export function madeLines({ load, faults, migrations, repaired, loadSeconds }: MadeHistory): string[] {
  const answered = load.accepted + load.escalated + load.disputed
  return [
    row(
      'Load',
      `${n(load.operations)} attempts on ${n(load.keys)} keys in ${Math.round(loadSeconds)} s (${n(Math.round(load.operations / loadSeconds))}/s)`,
    ),
    row(
      'Answers',
      `${n(answered)}: ${n(load.accepted)} accepted, ${n(load.escalated)} under review, ${n(load.disputed)} disputed; ${n(load.unknown)} unknown, ${n(load.refused)} refused`,
    ),
    row('Faults', [...faults].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'),
    row(
      'Migrations',
      migrations
        ? `${migrations.completed} completed, ${migrations.rolledBack} rolled back; ${migrations.operatorsKilled} times the operator was killed in one`
        : 'none: shards that may forget could forget what they own',
    ),
    ...(repaired
      ? [
          row(
            'Repairs',
            `${repaired.repairs}: ${n(repaired.repairedDecisions)} acknowledged decisions were lost and given back, ${n(repaired.keysDecidedAgain.size)} keys had been decided again before (findings about these are forgiven below)`,
          ),
        ]
      : []),
  ]
}

export function auditLines(verdict: Verdict): string[] {
  return reportLines(verdict).map((line, i) => row(i === 0 ? 'Auditor' : '', line))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
