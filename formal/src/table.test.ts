import { expect, it } from 'vitest'
import { tableOf } from './table.ts'

it('says of each finding what was asked, how much was looked at, and what came of it', () => {
  const table = tableOf([
    {
      part: 'models',
      name: 'Slot',
      what: 'all',
      ok: true,
      result: 'holds',
      generated: 12_345,
      distinct: 67,
      depth: 8,
      seconds: 1.25,
    },
    { part: 'coq', name: 'Canonical', what: 'ten theorems', ok: false, result: 'NOT PROVED', seconds: 0.5 },
  ])
  expect(table).toBe(
    [
      '        model      what          generated  distinct  depth  seconds  result',
      'ok      Slot       all              12,345        67      8      1.3  holds',
      'FAILED  Canonical  ten theorems                                  0.5  NOT PROVED',
    ].join('\n'),
  )
})
