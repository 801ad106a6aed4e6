import { expect, it } from 'vitest'
import { markdown } from './report.ts'

it('writes the table of a section before its figures, and keeps its bars from becoming columns', () => {
  const text = markdown([
    {
      title: 'Side by side',
      table: { head: ['way', 'rate'], rows: [['pg_dump | psql', '1']] },
      figures: [{ name: 'a | b', value: 3, unit: 'x', ceiling: { name: 'c', value: 2 }, wanted: { atLeast: 1 } }],
    },
  ])
  expect(text.slice(text.indexOf('## Side by side'))).toBe(
    [
      '## Side by side',
      '',
      '| way | rate |',
      '| --- | --- |',
      '| pg_dump \\| psql | 1 |',
      '',
      '| figure | value | ceiling | ratio | wanted |  | note |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| a \\| b | 3 x | c: 2 | 1.50 | ≥ 1 | reached |  |',
      '',
    ].join('\n'),
  )
})
