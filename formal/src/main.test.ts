import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

/** Each starts the command, on a machine that may be busy with other things. */
vi.setConfig({ testTimeout: 120_000 })

const MAIN = join(import.meta.dirname, 'main.ts')

let nothing: string
beforeAll(() => {
  nothing = mkdtempSync(join(tmpdir(), 'flk-no-java-'))
})
afterAll(() => rmSync(nothing, { recursive: true }))

/** Where no program at all is on the PATH. The last line says how long it took. */
function formal(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    env: { PATH: nothing, HOME: nothing },
    encoding: 'utf8',
  })
  return {
    status,
    stdout,
    lines: stderr
      .trim()
      .replace(/in \d+ s\.$/, 'in so many s.')
      .split('\n'),
  }
}

const NO_JAVA = 'No Java: install a Java runtime from 11 on (e.g. openjdk-17-jre-headless) to check the models'

describe('a machine without Java', () => {
  it('gets one clear line, and 2 as the exit code', () => {
    expect(formal('models')).toEqual({
      status: 2,
      stdout: '',
      lines: [`models: ${NO_JAVA}`, '0 of 0 as demanded, in so many s.'],
    })
  })

  it('skips with that line what is to be checked if possible', () => {
    const { status, lines } = formal('models', 'traces', '--if-possible')
    expect({ status, lines }).toEqual({
      status: 0,
      lines: [`models: skipped. ${NO_JAVA}`, `traces: skipped. ${NO_JAVA}`, '0 of 0 as demanded, in so many s.'],
    })
  })

  it('finds it in the JSON too', () => {
    const { status, stdout } = formal('models', '--output', 'json')
    expect(status).toBe(2)
    expect(JSON.parse(stdout)).toEqual({ findings: [], missing: [`models: ${NO_JAVA}`] })
  })
})

it('an unknown part is named, with those that there are', () => {
  const { status, lines } = formal('prayers')
  expect(status).toBe(2)
  expect(lines[0]).toBe('no part prayers; there are models, traces, coq')
})
