import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ingestRuns } from './ingest.ts'
import { migrationRuns } from './migration.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const LIVENESS = 'liveness'

describe.each([
  ['Migration', migrationRuns()],
  ['Ingest', ingestRuns()],
])('%s', (module, runs) => {
  const model = readFileSync(join(ROOT, 'formal', 'models', `${module}.tla`), 'utf8')
  const inModel = new Set([...model.matchAll(/Has\("([\w-]+)"\)/g)].map(([, guard]) => guard))
  const removed = runs.flatMap(({ guard }) => guard ?? [])

  it('is tried without each of its guards', () => {
    expect(new Set(removed.map(({ guard }) => guard))).toEqual(inModel)
  })

  it('has guards that are in the code', () => {
    expect(removed.filter(({ where }) => !existsSync(join(ROOT, where)))).toEqual([])
  })

  it('has guards that the README explains', () => {
    const readme = readFileSync(join(ROOT, 'formal', 'README.md'), 'utf8')
    const rows = removed.map(({ guard, means, where }) => {
      const violated = runs.flatMap((run) => (run.guard?.guard === guard ? `\`${run.violates}\`` : []))
      return `| \`${guard}\` | ${means} | \`${where}\` | ${violated.join(', ')} |`
    })
    expect(rows.filter((row) => !readme.includes(row))).toEqual([])
  })

  it('promises nothing that no guard is needed for', () => {
    const promised = runs
      .filter(({ violates }) => violates === undefined)
      .flatMap(({ question }) => [
        ...question.invariants,
        ...question.properties.map((name) => (name === 'EverySettles' ? LIVENESS : name)),
      ])
    expect(new Set(runs.flatMap(({ violates }) => violates ?? []))).toEqual(new Set(promised))
  })
})
