/** A run that is demanded: what TLC is asked, and what it has to say. */
import type { Finding } from '../finding.ts'
import { counterexample } from '../tlc/output.ts'
import type { Answer, Question } from '../tlc/run-tlc.ts'

/** A line of the real code that keeps a promise, as its model has it. */
export interface Guard {
  /** Its name in the model. */
  readonly guard: string
  readonly means: string
  /** The file that does it. */
  readonly where: string
}

export interface DemandedRun {
  /** What is being shown, for people. */
  readonly what: string
  /** The one that is left out. */
  readonly guard?: Guard
  readonly question: Question
  /** Undefined: everything holds. */
  readonly violates: string | undefined
}

/** A property that holds without its guard is as much a failure as one that does not hold: the model has not shown what it was made for. */
export function findingOf({ what, question, violates }: DemandedRun, answer: Answer): Finding {
  const { verdict, generated, distinct, depth, seconds, output } = answer
  const found = verdict.kind === 'violated' ? verdict.property : undefined
  const ok = verdict.kind !== 'failed' && found === violates
  const figures = { part: 'models', name: question.module, what, ok, generated, distinct, depth, seconds } as const
  if (verdict.kind === 'failed') return { ...figures, result: 'FAILED', detail: [verdict.why] }
  if (ok) return { ...figures, result: violates === undefined ? 'holds' : `${violates} violated, as demanded` }
  if (found === undefined) return { ...figures, result: `${violates} still holds: NOT SHOWN` }
  return { ...figures, result: `${found} VIOLATED`, detail: counterexample(output) }
}
