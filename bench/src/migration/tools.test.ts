import { expect, it } from 'vitest'
import { BenchStopped } from '../stopped.ts'
import { findTools } from './tools.ts'

const PROGRAMS = ['pg_dump', 'psql', 'pg_restore', 'initdb', 'postgres']

/** A machine with these files, whose pg_dump and redis-cli say these versions. */
function machine(
  files: readonly string[],
  versions = { pg_dump: 'pg_dump (PostgreSQL) 15.18 (Debian)', redis: 'redis-cli 7.0.15' },
) {
  return {
    path: ['/opt/bin', '/usr/bin'],
    exists: (file: string) => files.includes(file),
    versionOf: (file: string) => (file.endsWith('redis-cli') ? versions.redis : versions.pg_dump),
  }
}

const at = (dir: string, names: readonly string[]) => names.map((name) => `${dir}/${name}`)
const refusal = (files: readonly string[]) => {
  try {
    findTools(machine(files))
  } catch (error) {
    return error as BenchStopped
  }
  throw new Error('the tools were found')
}

it('finds the server of the version of pg_dump where Debian keeps it', () => {
  const files = ['/usr/bin/redis-cli', '/usr/bin/pg_dump', '/usr/bin/psql', ...at('/usr/lib/postgresql/15/bin', PROGRAMS)]
  expect(findTools(machine([...files, ...at('/usr/lib/postgresql/16/bin', PROGRAMS)]))).toEqual({
    postgresBin: '/usr/lib/postgresql/15/bin',
    postgresVersion: '15.18',
    redisVersion: '7.0.15',
  })
})

it('finds a server beside its tools', () => {
  expect(findTools(machine(['/usr/bin/redis-cli', ...at('/opt/bin', PROGRAMS)])).postgresBin).toBe('/opt/bin')
})

it('names all that is missing, and what to install', () => {
  const error = refusal([])
  expect(error).toBeInstanceOf(BenchStopped)
  expect(error.reason).toBe('tool-missing')
  expect(error.message).toContain('redis-cli (e.g. `sudo apt-get install redis-tools`)')
  expect(error.message).toContain('pg_dump (e.g. `sudo apt-get install postgresql`)')
})

it('takes no server of another version than pg_dump', () => {
  const { message } = refusal(['/usr/bin/redis-cli', '/usr/bin/pg_dump', ...at('/usr/lib/postgresql/16/bin', PROGRAMS)])
  expect(message).toContain('`sudo apt-get install postgresql-15`')
  expect(message).not.toContain('redis')
})
