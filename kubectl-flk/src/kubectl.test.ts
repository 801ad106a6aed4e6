import { describe, expect, it } from 'vitest'
import { failure } from './kubectl.ts'
import { parseTarget } from './objects.ts'

describe('what kubectl says when it fails', () => {
  it.each([
    ['error: the server doesn\'t have a resource type "shardmigrations"', 'cluster', 'install the chart fractal-lba-operator'],
    ['Error from server (Forbidden): shardmigrations is forbidden: User "x"', 'cluster', 'Ask for a role'],
    ['Error from server (NotFound): configmaps "x" not found', 'notFound', 'not found'],
    ['The connection to the server 127.0.0.1:1 was refused', 'cluster', 'was refused'],
    ['', 'cluster', 'kubectl failed and did not say why'],
  ])('%j ends as %s, with what to do', (stderr, ending, message) => {
    const failed = failure({ stderr })
    expect(failed.ending).toBe(ending)
    expect(failed.message).toContain(message)
  })
})

describe('a target', () => {
  it.each([
    ['smig/m', ['ShardMigration'], 'm'],
    ['ShardMigration/m', ['ShardMigration'], 'm'],
    ['crrpolicies.fractal.lba.io/p', ['CRRPolicy'], 'p'],
    ['tierp/t', ['TieringPolicy'], 't'],
    ['fleet/f', ['StatefulSet'], 'f'],
    ['name', ['ShardMigration', 'CRRPolicy', 'TieringPolicy'], 'name'],
  ])('%s', (text, kinds, name) => {
    expect(parseTarget(text)).toMatchObject({ kinds: kinds.map((kind) => ({ kind })), name })
  })

  it.each(['pod/x', 'smig/', '/x', 'smig/a/b'])('is not %s', (text) => {
    expect(() => parseTarget(text)).toThrow('is not KIND/NAME')
  })
})
