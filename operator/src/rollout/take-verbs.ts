/**
 * Takes the verbs that users gave as annotations. Each is echoed in status before its annotation is taken away, so a crash between the
 * two repeats nothing and loses nothing. Pure.
 */
import { annotationOf, VERBS, type Verb } from '../api/group.ts'
import type { VerbEcho } from '../api/status.ts'

export interface TakenVerbs {
  readonly echoes: readonly VerbEcho[]
  /** Annotations to take away, unless they were set anew meanwhile. */
  readonly consume: readonly { readonly verb: Verb; readonly value: string }[]
}

/** @param perform does what the verb asks for; @returns whether it was accepted. Called once for each verb that is given. */
export function takeVerbs(
  before: readonly VerbEcho[],
  annotations: Readonly<Record<string, string>>,
  at: string,
  perform: (verb: Verb, value: string) => boolean,
): TakenVerbs {
  let echoes = before
  const consume: { verb: Verb; value: string }[] = []
  for (const verb of VERBS) {
    const value = annotations[annotationOf(verb)]
    const echo = echoes.find((each) => each.verb === verb)
    if (value === undefined) {
      if (echo?.pending) echoes = echoes.map((each) => (each === echo ? { ...each, pending: false } : each))
      continue
    }
    if (!(echo?.pending && echo.value === value)) {
      const taken = { verb, value, at, accepted: perform(verb, value), pending: true }
      echoes = [...echoes.filter((each) => each.verb !== verb), taken]
    }
    consume.push({ verb, value })
  }
  return { echoes, consume }
}
