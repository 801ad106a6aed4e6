import { describe, expect, it } from 'vitest'
import { type ShardMigrationInput, withDefaults } from '../../api/shardmigration.ts'
import type { ShardMigrationStatus } from '../../api/status.ts'
import { freshStatus } from './draft.ts'
import { waitsFor } from './interlock.ts'
import type { MigrationObject } from './objects.ts'

function migration(
  name: string,
  shards: string,
  spec: Partial<ShardMigrationInput> = {},
  status?: Partial<ShardMigrationStatus>,
): MigrationObject {
  const [from = '', ...to] = shards.split(' ').map((shard) => `redis://${shard}`)
  return {
    name,
    uid: name,
    generation: 1,
    annotations: {},
    deletionRequested: false,
    spec: withDefaults({ sourceShards: [from], targetShards: to, dedupBackend: 'redis', ...spec }),
    problems: [],
    status: status && { ...freshStatus(1, 1, 0), ...status },
  }
}

const begun = { phase: 'Copying', migrationId: 'x' } as const

describe('two migrations', () => {
  it.each<[string, MigrationObject, MigrationObject, string | undefined]>([
    ['that share a shard go one after the other, by name', migration('b', 'x y'), migration('a', 'y z'), 'a'],
    ['that share a shard, seen from the first', migration('a', 'x y'), migration('b', 'y z'), undefined],
    ['of which one has begun: the other waits, whatever its name', migration('a', 'x y'), migration('b', 'y z', {}, begun), 'b'],
    ['of which this one has begun: it never waits', migration('b', 'x y', {}, begun), migration('a', 'y z'), undefined],
    ['that share nothing do not wait', migration('b', 'x y'), migration('a', 'u v'), undefined],
    [
      'of which one has ended',
      migration('b', 'x y'),
      migration('a', 'y z', {}, { phase: 'Completed', migrationId: 'x' }),
      undefined,
    ],
    ['of which one only plans', migration('b', 'x y'), migration('a', 'y z', { dryRun: true }), undefined],
    ['of which one waits for its user', migration('b', 'x y'), migration('a', 'y z', { approval: 'Manual' }), undefined],
  ])('%s', (_name, object, other, expected) => {
    expect(waitsFor(object, [object, other])).toBe(expected)
  })
})
