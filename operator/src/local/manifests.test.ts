import { describe, expect, it } from 'vitest'
import { parseManifest } from './manifests.ts'

const head = 'apiVersion: fractal.lba.io/v1\nkind: ShardMigration\n'
const problemOf = (text: string) => parseManifest(text).problems[0]?.message

describe('a manifest file', () => {
  it('holds any number of documents', () => {
    const { objects, problems } = parseManifest(
      `${head}metadata: { name: a }\nspec: {}\n---\n# nothing\n---\n${head}metadata: { name: b, annotations: { x: 1 } }\nspec: {}\n`,
    )
    expect(problems).toEqual([])
    expect(objects).toMatchObject([{ name: 'a' }, { name: 'b', annotations: { x: '1' } }])
  })

  it('keeps its good documents when one is bad', () => {
    const { objects, problems } = parseManifest(`${head}metadata: { name: a }\nspec: {}\n---\nkind: Pod\napiVersion: v1\n`)
    expect(objects).toMatchObject([{ name: 'a' }])
    expect(problems).toMatchObject([{ message: 'document 2: apiVersion: must be fractal.lba.io/v1, not "v1"' }])
  })

  it.each([
    ['a: [', 'not valid YAML'],
    ['a: 1\na: 2', 'not valid YAML: Map keys must be unique'],
    ['- 1', 'a document must be a map'],
    [`${head}metadata: { name: UPPER }`, 'metadata.name: must be'],
    [`${head}metadata: { name: ../x }`, 'metadata.name: must be'],
    [`${head}metadata: { name: a }\nspecs: {}`, 'specs: there is no such field'],
    [`${head}metadata: { name: a, annotations: [] }`, 'metadata.annotations: must be a map'],
    [
      `a: &a [x, x, x, x]\n${Array.from(
        { length: 9 },
        (_, i) =>
          `b${i}: &b${i} [${Array(9)
            .fill(i === 0 ? '*a' : `*b${i - 1}`)
            .join(', ')}]`,
      ).join('\n')}`,
      'Excessive alias count',
    ],
  ])('is refused with a reason: %s', (text, message) => {
    expect(problemOf(text)).toContain(message)
  })
})
