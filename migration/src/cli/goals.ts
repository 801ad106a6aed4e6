/** What each verb works towards, one goal after the other (pure). */
import type { Intent } from '../decide.ts'
import type { Verb } from './legal.ts'

export interface Goal {
  readonly intent: Intent
  /** Watch this long after it is reached, before the next. */
  readonly thenWatchMs: number
  readonly title: string
}

export function goalsOf(verb: Verb, steps: readonly number[], stepMs: number): readonly Goal[] {
  const upTo = (milestone: (Intent & { kind: 'run' })['upTo'], title: string): Goal => ({
    intent: { kind: 'run', upTo: milestone, cutoverPercent: 100 },
    thenWatchMs: 0,
    title,
  })
  const copy = upTo('copied', 'copy')
  const verify = upTo('verified', 'verify')
  const soak = upTo('soaked', 'dual write')
  const cutover = [
    ...steps.map(
      (percent, index): Goal => ({
        intent: { kind: 'run', upTo: 'cut-over', cutoverPercent: percent },
        thenWatchMs: index === steps.length - 1 ? 0 : stepMs,
        title: `cutover to ${percent} %`,
      }),
    ),
    upTo('certified', 'certificate'),
  ]
  const cleanup = upTo('cleaned', 'cleanup')
  switch (verb) {
    case 'copy':
      return [copy]
    case 'verify':
      return [verify]
    case 'dual-write':
      return [soak]
    case 'cutover':
      return cutover
    case 'cleanup':
      return [cleanup]
    case 'run':
      return [copy, verify, soak, ...cutover, cleanup]
    case 'rollback':
      return [{ intent: { kind: 'rollback' }, thenWatchMs: 0, title: 'rollback' }]
  }
}
