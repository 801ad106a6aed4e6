/** The auditor's word, for people: what was checked, then each thing that is wrong. */
import type { Verdict } from './judge.ts'

/** More than this many of one kind are counted, not listed. */
const LISTED_OF_A_KIND = 5

export function reportLines({ checked, findings }: Verdict): string[] {
  const n = (value: number) => value.toLocaleString('en-US')
  const store = checked.shards > 0 ? `at ${checked.shards} shards` : "in the verifier's log"
  const lines = [
    `${n(checked.acknowledgedKeys)} acknowledged keys (${n(checked.answers)} answers, ${n(checked.equivocatedKeys)} keys with more than one content): each looked up ${store}`,
    `${n(checked.records)} records compared with every answer about them, and with what was sent`,
    `${n(checked.logEntries)} entries in ${checked.logs} verifier logs: ${n(checked.effects)} effects, one for each decided key`,
  ]
  if (checked.slots > 0) lines.push(`${n(checked.slots)} slots at ${checked.shards} shards: one owner each`)
  if (findings.length === 0)
    return [...lines, 'All of it is true: one outcome for each key, none lost, none decided twice, every effect once.']
  const kinds = Map.groupBy(findings, ({ kind }) => kind)
  const wrong = [...kinds].flatMap(([kind, all]) => [
    ...all.slice(0, LISTED_OF_A_KIND).map(({ what }) => `  ${kind}: ${what}`),
    ...(all.length > LISTED_OF_A_KIND ? [`  ${kind}: and ${n(all.length - LISTED_OF_A_KIND)} more`] : []),
  ])
  return [...lines, `NOT true, ${n(findings.length)} findings:`, ...wrong]
}
