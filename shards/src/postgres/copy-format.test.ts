import { describe, expect, it } from 'vitest'
import { eachKey, splitRows } from './copy-format.ts'

const HEADER = Buffer.concat([
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.alloc(4),
  Buffer.from([0, 0, 0, 3]),
  Buffer.from('ext'),
])
const TRAILER = Buffer.from([0xff, 0xff])

function row(...columns: string[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(columns.length)
  const fields = columns.map((column) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(column))
    return Buffer.concat([length, Buffer.from(column)])
  })
  return Buffer.concat([count, ...fields])
}
const copyOf = (...rows: Buffer[]) => Buffer.concat([HEADER, ...rows, TRAILER])
const rows = ['a1', 'a2', 'b1', 'a3', 'c1'].map((key) => row(key, `record of ${key}`))

describe('a binary COPY', () => {
  it('is read row by row', () => {
    const seen: string[] = []
    expect(eachKey(copyOf(...rows), (key) => void seen.push(key.toString()))).toBe(5)
    expect(seen).toEqual(['a1', 'a2', 'b1', 'a3', 'c1'])
  })

  it.each<[string, (key: string) => boolean, number[]]>([
    ['some rows', (key) => key.startsWith('a'), [0, 1, 3]],
    ['the last row', (key) => key === 'c1', [4]],
    ['all rows', () => true, [0, 1, 2, 3, 4]],
    ['no row', () => false, []],
  ])('is split into %s and the others, each of them a whole copy', (_what, isChosen, places) => {
    const { chosen, others } = splitRows(copyOf(...rows), (key) => isChosen(key.toString()))
    const left = rows.filter((_, place) => !places.includes(place))
    expect(chosen).toEqual({ payload: copyOf(...places.map((place) => rows[place]!)), count: places.length })
    expect(others).toEqual({ payload: copyOf(...left), count: left.length })
  })

  it('that is empty stays so', () => {
    expect(splitRows(copyOf(), () => true)).toEqual({
      chosen: { payload: copyOf(), count: 0 },
      others: { payload: copyOf(), count: 0 },
    })
  })
})
