import { describe, expect, it } from 'vitest'
import { type AbstractState, NO_DOCUMENT } from './abstract-state.ts'
import { tamperings } from './tamper.ts'

const none = { role: 'none', gen: 0, captured: false, copy: 'none', kept: false } as const
const recs = ['aa', 'bb']
const forward = { ...NO_DOCUMENT, dir: 'forward' } as const
const owned: AbstractState = {
  source: { row: { ...none, role: 'owned', gen: 1 }, recs, queue: [], fence: 0 },
  target: { row: none, recs: [], queue: [], fence: 0 },
  doc: NO_DOCUMENT,
}
const taken: AbstractState = { ...owned, source: { ...owned.source, fence: 1 }, doc: forward }
const takenAgain: AbstractState = { ...taken, source: { ...owned.source, fence: 2 } }
const verified: AbstractState = {
  source: { ...takenAgain.source, row: { ...none, role: 'owned', gen: 1, captured: true } },
  target: { row: { ...none, role: 'importing', copy: 'verified' }, recs, queue: [], fence: 0 },
  doc: forward,
}
const released: AbstractState = {
  ...verified,
  source: { ...verified.source, row: { ...none, role: 'released', gen: 2, kept: true } },
}
const acquired: AbstractState = {
  ...released,
  target: { ...verified.target, row: { ...none, role: 'owned', gen: 2, captured: true } },
}
const sealed: AbstractState = { ...acquired, doc: { ...forward, certified: true, sealed: true } }
const TRACE = [owned, taken, takenAgain, verified, released, acquired, sealed]

describe('a trace', () => {
  it.each([
    ['a record is lost at its owner', 1, { ...taken, source: { ...taken.source, recs: ['bb'] } }],
    ['a fence falls', 2, { ...takenAgain, source: { ...takenAgain.source, fence: 0 } }],
    ['a copy counts as verified that was never whole', 3, { ...verified, target: { ...verified.target, recs: ['bb'] } }],
    ['a generation is skipped', 4, { ...released, source: { ...released.source, row: { ...released.source.row, gen: 3 } } }],
    [
      'the target acquires before the source let go',
      5,
      { ...acquired, source: { ...acquired.source, row: { ...acquired.source.row, role: 'owned' } } },
    ],
    ['it turns back behind the point of no return', 6, { ...sealed, doc: { ...sealed.doc, dir: 'back' } }],
  ])('is as it was, up to where %s', (how, at, spoilt) => {
    expect(tamperings([TRACE]).find((one) => one.how === how)?.states).toEqual([...TRACE.slice(0, at), spoilt])
  })

  it('in which there is nothing to tamper with is left alone', () => {
    const empty = tamperings([[owned, { ...owned, source: { ...owned.source, recs: [] } }]])
    expect(empty).toHaveLength(6)
    expect(empty.filter(({ states }) => states)).toEqual([])
  })
})
