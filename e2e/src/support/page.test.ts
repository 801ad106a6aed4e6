import { describe, expect, it } from 'vitest'
import { blocksOf, missingLine } from './page.ts'

describe('a page', () => {
  it('is read as blocks, each with what it prints and why it is not run', () => {
    const page =
      'Text.\n\n```bash\nls   # look\nwc\n```\n\n```text\na\n…\nb\n```\n\n<!-- not run: no such thing here -->\n```bash\nrm x\n```\n'
    expect(blocksOf(page)).toEqual([
      { title: 'ls', commands: 'ls   # look\nwc\n', notRun: undefined, shown: ['a', 'b'] },
      { title: 'rm x', commands: 'rm x\n', notRun: 'no such thing here', shown: [] },
    ])
  })
})

describe('output', () => {
  const shown = ['plan a52ffc52b4b6d720-…, 10,364 slots, 1.5 kB', 'done in 1m9s: …']
  it('may have other figures, and more lines', () => {
    expect(missingLine(shown, 'plan  0123456789abcdef-1, 7 slots, 18 B\nmore\ndone in 8s: x')).toBeUndefined()
  })
  it.each([
    ['other words', 'plan 0123456789abcdef-1, 7 keys, 1 B\ndone in 8s: x', shown[0]],
    ['another order', 'done in 8s: x\nplan 0123456789abcdef-1, 7 slots, 1 B', shown[1]],
    ['more on a line', 'plan 0123456789abcdef-1, 7 slots, 1 B, failed\ndone in 8s: x', shown[0]],
  ])('may not have %s', (_, output, missing) => {
    expect(missingLine(shown, output)).toBe(missing)
  })
})
