import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { auditModule, failedIn, isClosed, otherwiseIn, samplesModule, THEOREMS } from './modules.ts'

const PROOFS = readFileSync(join(import.meta.dirname, '..', '..', 'coq', 'Canonical.v'), 'utf8')

it('every theorem of Canonical.v is asked for, and no other', () => {
  expect([...PROOFS.matchAll(/^Theorem (\w+)/gm)].map(([, name]) => name).sort()).toEqual([...THEOREMS].sort())
  expect(auditModule().match(/^Print Assumptions \w+\.$/gm)).toHaveLength(THEOREMS.length)
})

describe('theorems', () => {
  const closed = 'Closed under the global context\n'
  it.each([
    ['are closed where each is', closed.repeat(THEOREMS.length), true],
    ['are not where one rests on an axiom', `${closed.repeat(THEOREMS.length - 1)}Axioms:\nfoo : False\n`, false],
    ['are not where Coq stopped', closed, false],
    ['are not where Coq said nothing', '', false],
  ])('%s', (_what, output, expected) => {
    expect(isClosed(output)).toBe(expected)
  })
})

it('a failure is told by the lemma that it happened in', () => {
  const proofs = 'Lemma a : x.\nProof. easy. Qed.\n\nTheorem b : y.\nProof.\n  easy.\nQed.\n'
  expect(failedIn(proofs, 'File "./Canonical.v", line 6, characters 2-6:\nError: Tactic failure.\n')).toBe('b')
  expect(failedIn(proofs, 'File "./Canonical.v", line 2, characters 7-11:\nError:\nCannot.\n')).toBe('a')
  expect(failedIn(proofs, 'File "./Canonical.v", line 6, characters 2-6:\nWarning: old.\n')).toBeUndefined()
})

it('samples are written as Coq has them: doubles in their parts, quotes doubled, members in turn', () => {
  const fields = { D_hat: -0.5, budget: 0, coh_star: 0, r: 0, epoch: 7, merkle_root: 'a"b', pcs_id: '', shard_id: '\\' }
  const text = samplesModule([
    { fields, text: 'first' },
    { fields, text: 'second' },
  ])
  const half = '("D_hat", Real {| minus := true; mantissa := 4503599627370496%N; exponent := (-53)%Z |})'
  expect(text).toContain(`([${half}; ("budget", `)
  expect(text).toMatch(/\(\[\("budget", .*; \("D_hat", Real [^;]*; [^;]*; [^;]*\)\], "second"\)/)
  expect(text).toContain('("merkle_root", Text (lit "a""b"))')
  expect(text).toContain('("epoch", Whole 7%N)')
})

it.each([
  ['     = []\n     : list N\n', []],
  ['     = [3%N; 17%N]\n     : list N\n', [3, 17]],
  ['     = [3; \n       17]\n', [3, 17]],
  ['Error: no.\n', undefined],
])('what Coq renders otherwise is read from what it prints', (output, expected) => {
  expect(otherwiseIn(output)).toEqual(expected)
})
