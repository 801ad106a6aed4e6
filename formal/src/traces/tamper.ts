/**
 * Spoils traces (pure): each way leaves every state plausible by itself and makes one step that no code of ours can make. Whoever accepts
 * one of them accepts anything.
 */
import type { AbstractState, AtShard } from './abstract-state.ts'

export interface Tampered {
  readonly how: string
  /** Undefined: no step of the traces can be tampered with so. */
  readonly states: readonly AbstractState[] | undefined
}

type Spoil = (before: AbstractState, after: AbstractState) => AbstractState | undefined

const WAYS: readonly { readonly how: string; readonly spoil: Spoil }[] = [
  {
    how: 'a record is lost at its owner',
    spoil: (_, { source, target, doc }) => ({ source: withoutRecord(source), target, doc }),
  },
  {
    how: 'the target acquires before the source let go',
    spoil: (before, after) =>
      after.target.row.role === 'owned' && before.target.row.role === 'importing'
        ? { ...after, source: { ...after.source, row: { ...after.source.row, role: 'owned' } } }
        : undefined,
  },
  {
    how: 'a generation is skipped',
    spoil: (before, after) =>
      after.source.row.role === 'released' && before.source.row.role === 'owned'
        ? { ...after, source: { ...after.source, row: { ...after.source.row, gen: after.source.row.gen + 1 } } }
        : undefined,
  },
  {
    how: 'a fence falls',
    spoil: (before, after) =>
      after.source.fence > before.source.fence && before.source.fence > 0
        ? { ...after, source: { ...after.source, fence: before.source.fence - 1 } }
        : undefined,
  },
  {
    how: 'a copy counts as verified that was never whole',
    spoil: (_, after) =>
      after.target.row.copy === 'verified' && after.target.recs.length > 0 && after.source.queue.length === 0
        ? { ...after, target: withoutRecord(after.target) }
        : undefined,
  },
  {
    how: 'it turns back behind the point of no return',
    spoil: (_, after) => (after.doc.sealed ? { ...after, doc: { ...after.doc, dir: 'back' } } : undefined),
  },
]

/** Every way, at the first step of any of the traces where it can be done. Traces end there. */
export function tamperings(traces: readonly (readonly AbstractState[])[]): Tampered[] {
  return WAYS.map(({ how, spoil }) => ({ how, states: firstSpoilt(traces, spoil) }))
}

function firstSpoilt(traces: readonly (readonly AbstractState[])[], spoil: Spoil): readonly AbstractState[] | undefined {
  for (const states of traces) {
    for (let at = 1; at < states.length; at++) {
      const after = states[at] as AbstractState
      const spoilt = spoil(states[at - 1] as AbstractState, after)
      if (spoilt && JSON.stringify(spoilt) !== JSON.stringify(after)) return [...states.slice(0, at), spoilt]
    }
  }
  return undefined
}

function withoutRecord(at: AtShard): AtShard {
  const [, ...recs] = at.recs
  return { ...at, recs }
}
