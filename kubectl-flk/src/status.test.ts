import { KINDS } from '@fractal-lba/operator/api/group'
import { kstatusOf } from '@fractal-lba/operator/api/testing/kstatus'
import { statusFixtures } from '@fractal-lba/operator/api/testing/statuses'
import { describe, expect, it } from 'vitest'
import { CommandFailed } from './exit.ts'
import { fleetStatusOf } from './fleet.ts'
import { nextSteps } from './next-steps.ts'
import { customOf } from './objects.ts'
import { readPatiently, stateOf, statusText, watchStatus } from './status.ts'

const sent = (kind: string, name: string, status: unknown, generation = 1) =>
  customOf({ kind, metadata: { name, namespace: 'ns', generation }, spec: {}, status: JSON.parse(JSON.stringify(status)) })

const fixtures = statusFixtures().map((fixture) => {
  const object = sent(fixture.kind, fixture.name, fixture.status)
  if (!object) throw new Error(`${fixture.name} was not understood`)
  return { ...fixture, object }
})

describe('what is watched', () => {
  it.each(fixtures)('$name ends the watch as kstatus would: $kstatus', ({ object, status, kstatus }) => {
    const expected = { Current: 'done', Failed: 'failed', InProgress: 'under way' }[kstatusOf(1, status)]
    expect(stateOf(object)).toBe(expected)
    expect(kstatusOf(1, status)).toBe(kstatus)
  })

  it('is under way after a change of the spec, and before anyone looked', () => {
    for (const { kind, name, status } of fixtures) expect(stateOf(sent(kind, name, status, 2) as never)).toBe('under way')
    expect(stateOf(sent('CRRPolicy', 'new', {}) as never)).toBe('under way')
  })

  it('is drawn in place on a terminal, and only when it changed', async () => {
    const frozen = fixtures.find(({ name }) => name === 'migration-frozen')?.object as never
    const cutover = fixtures.find(({ name }) => name === 'migration-cutover')?.object as never
    const looks = [[cutover], [cutover], [frozen]]
    const written: string[] = []
    const clock = { now: () => 0, sleep: () => Promise.resolve() }
    const read = () => Promise.resolve(looks.shift() ?? [])
    const screen = { isTerminal: true, write: (text: string) => written.push(text) }
    const ended = await watchStatus(read, (objects) => statusText(objects, false), screen, clock, 1)
    expect(ended).toBe('failed')
    expect(written.map((text) => text.startsWith('\u001b[H'))).toEqual([true, true])
  })
})

describe('next steps', () => {
  it('are commands that can be copied, for whatever does not stand still for good', () => {
    for (const { name, object, kstatus } of fixtures) {
      const commands = nextSteps(object)
      if (kstatus === 'InProgress') expect(commands.length, name).toBeGreaterThan(0)
      for (const command of commands) expect(command, name).toMatch(new RegExp(`kubectl flk [a-z]+ [a-z]+/${name} -n ns`))
    }
  })
})

describe('an object of another version of the operator', () => {
  it.each([undefined, null, {}, { phase: 3 }, { phase: 'Copying' }, 'text', []])(
    'with the status %j counts as not looked at',
    (status) => {
      const object = customOf({ kind: 'ShardMigration', metadata: { name: 'm' }, status })
      expect(object?.status).toBeUndefined()
      expect(statusText([object as never], false)).toContain('not looked at yet')
    },
  )

  it('with less in its status is shown as far as it goes', () => {
    const object = customOf({ kind: KINDS[0]?.kind, metadata: { name: 'm' }, status: { phase: 'Copying', conditions: [] } })
    expect(statusText([object as never], false)).toMatch(/smig\/m +Copying +0 % +- +no/)
  })

  it('of a kind that is none of ours is left out', () => {
    expect(customOf({ kind: 'Pod', metadata: { name: 'p' } })).toBeUndefined()
    expect(customOf(null)).toBeUndefined()
  })

  it.each(['', 'no json', '[]', '{"phase":1}'])('of a fleet whose annotation is %j has no status', (text) => {
    expect(fleetStatusOf({ 'fractal.lba.io/rollout-status': text }, 1)).toBeUndefined()
  })
})

describe('watching', () => {
  const away = () => new CommandFailed('cluster', 'connection refused')
  const script = (...answers: (string | Error)[]) => {
    const said: string[] = []
    const read = readPatiently(
      async () => {
        const next = answers.shift()
        if (next instanceof Error) throw next
        return next
      },
      (line) => said.push(line),
    )
    return { read, said }
  }

  it('goes on when the cluster answers again, and says so once', async () => {
    const { read, said } = script('a', away(), away(), 'b')
    expect([await read(), await read(), await read(), await read()]).toEqual(['a', undefined, undefined, 'b'])
    expect(said).toEqual(['the cluster does not answer, trying again: connection refused', 'the cluster answers again'])
  })

  it('does not begin where nothing answers, and ends at what waiting does not mend', async () => {
    await expect(script(away()).read()).rejects.toThrow('connection refused')
    const { read } = script('a', new CommandFailed('notFound', 'there is no such object'))
    await read()
    await expect(read()).rejects.toThrow('no such object')
  })
})
