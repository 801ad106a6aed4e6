/** Both checkers on one history, and whether they agree: where they do not, one of the two is wrong, and neither verdict is worth anything. */
import { checkHistory, type OwnVerdict } from './check-history.ts'
import { type Finding, REGISTER_KINDS } from './judge-key.ts'
import { type PorcupineVerdict, runPorcupine } from './porcupine.ts'

export interface Checked {
  readonly own: OwnVerdict
  readonly ownMs: number
  readonly porcupine: PorcupineVerdict
  /** Sentences; none where both say the same. */
  readonly disagreements: readonly string[]
}

/** Kept in memory: enough to compare all bad keys of any history that is not bad throughout. */
const FINDINGS_MAX = 100_000
const KEYS_NAMED_MAX = 3

export async function checkBoth(porcupineProgram: string, file: string): Promise<Checked> {
  const began = performance.now()
  const own = await checkHistory(file, { findingsMax: FINDINGS_MAX })
  const ownMs = performance.now() - began
  const porcupine = await runPorcupine(porcupineProgram, file)
  return { own, ownMs, porcupine, disagreements: disagreementsOf(own, porcupine) }
}

export function disagreementsOf(own: OwnVerdict, porcupine: PorcupineVerdict): string[] {
  const disagreements: string[] = []
  if (own.operations !== porcupine.operations || own.keys !== porcupine.keys)
    disagreements.push(
      `the own checker read ${own.operations} operations on ${own.keys} keys, Porcupine ${porcupine.operations} on ${porcupine.keys}`,
    )
  const ours = new Set(own.findings.filter(({ kind }) => REGISTER_KINDS.has(kind)).map(({ key }) => key))
  const theirs = new Set(porcupine.badKeys)
  const untold = new Set(porcupine.untold)
  const complete = own.findings.length === own.findingsCount
  const onlyOurs = [...ours].filter((key) => !theirs.has(key) && !untold.has(key))
  const onlyTheirs = complete ? [...theirs].filter((key) => !ours.has(key)) : []
  if (onlyOurs.length > 0) disagreements.push(`${onlyOurs.length} keys are wrong to the own checker alone: ${named(onlyOurs)}`)
  if (onlyTheirs.length > 0) disagreements.push(`${onlyTheirs.length} keys are wrong to Porcupine alone: ${named(onlyTheirs)}`)
  return disagreements
}

function named(keys: readonly string[]): string {
  return `${keys.slice(0, KEYS_NAMED_MAX).join(', ')}${keys.length > KEYS_NAMED_MAX ? ', ...' : ''}`
}

/** Everything that is wrong with a history, by kind. */
export function findingsByKind(findings: readonly Finding[]): Map<string, Finding[]> {
  return Map.groupBy(findings, ({ kind }) => kind)
}
