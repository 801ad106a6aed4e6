/** docs/operator-features.md points at tests by file and name. Each must be there, so that a row cannot outlive its proof. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const PAGE = 'docs/operator-features.md'
const ROWS = 46

const rows = readFileSync(join(root, PAGE), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => {
    const [number, feature, here, proof] = line.slice(2, -2).split(' | ') as [string, string, string, string]
    const proofs = [...proof.matchAll(/\[`([^`]+)`\]\(\.\.\/([^)]+)\) “([^”]+)”/g)]
    return { number, feature, here, proofs: proofs.map(([, file = '', link = '', name = '']) => ({ file, link, name })) }
  })

/** As the beginning of a name that a test or a group of tests has. */
function hasTest(file: string, name: string): boolean {
  const text = readFileSync(join(root, file), 'utf8')
  return [`'${name}`, `"${name}`, `\`${name}`, `- it: ${name}`].some((literal) => text.includes(literal))
}

describe(PAGE, () => {
  it('has all rows, each with a verdict and a proof', () => {
    expect(rows.map(({ number }) => Number(number))).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1))
    for (const { number, here, proofs } of rows) {
      expect(here, `row ${number}`).toMatch(/^(Yes|Partly: |Not there)/)
      expect(proofs.length, `row ${number}`).toBeGreaterThan(0)
    }
  })

  it.each(rows)('row $number: its tests are there', ({ proofs }) => {
    for (const { file, link, name } of proofs) {
      expect(link).toBe(file)
      expect(existsSync(join(root, file)), file).toBe(true)
      expect(hasTest(file, name), `${file} has no test named “${name}”`).toBe(true)
    }
  })
})
