/** What a run came to, and how that is said: as text for people, or as one JSON document. */
import type { Verdict } from '@fractal-lba/demo/audit/judge'
import type { Checked } from '../check/check.ts'
import type { RunOptions } from '../options.ts'
import type { MadeHistory } from '../run/make-history.ts'
import { auditHolds, auditLines, checkedLines, checkHolds, madeLines } from './report.ts'

export interface Outcome {
  readonly options: RunOptions
  /** Undefined where the fleet did not come so far. */
  readonly made: MadeHistory | undefined
  readonly audited: Verdict | undefined
  readonly checked: Checked | undefined
  /** What went wrong besides the verdicts; sentences. */
  readonly problems: readonly string[]
}

export function outcomeHolds({ made, audited, checked, problems }: Outcome): boolean {
  const forgiven = made?.repaired?.keysDecidedAgain ?? new Set<string>()
  return problems.length === 0 && !!audited && auditHolds(audited, forgiven) && !!checked && checkHolds(checked, forgiven)
}

/** @param kept where the traces of the run are, if they are kept */
export function outcomeText(outcome: Outcome, kept: string | undefined): string {
  const { options, made, audited, checked, problems } = outcome
  const store = `${options.backend}${options.backend === 'redis' ? `, appendfsync ${options.appendFsync}` : ''}`
  return [
    `\nHistory of seed ${options.seed}, ${store}: ${outcomeHolds(outcome) ? 'it holds' : 'it does NOT hold'}`,
    ...(made ? madeLines(made) : []),
    ...(checked ? checkedLines(checked) : []),
    ...(audited ? auditLines(audited) : []),
    ...problems.map((problem) => `  ${problem}`),
    ...(kept ? [`\nKept: ${kept} (npm run history -- check ${kept}/history.ndjson)`] : []),
  ].join('\n')
}

export function outcomeJson(outcome: Outcome, kept: string | undefined): string {
  const { options, made, audited, checked, problems } = outcome
  const repaired = made?.repaired && { ...made.repaired, keysDecidedAgain: [...made.repaired.keysDecidedAgain] }
  const run = made && {
    load: made.load,
    loadSeconds: made.loadSeconds,
    faults: Object.fromEntries(made.faults),
    migrations: made.migrations,
    repaired,
  }
  return JSON.stringify({ holds: outcomeHolds(outcome), options, ...run, checked, audited, problems, kept }, null, 2)
}
