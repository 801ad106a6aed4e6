/**
 * The images of the project: what is in each, and what runs. Both share the base layer byte for byte. Neither has a shell, a package
 * manager or a test, and both run with a read-only root.
 */
import { join } from 'node:path'
import { NODE_PATH, NONROOT } from './layers/base.ts'
import { BUNDLE_MAIN, bundleFolder, bundleLayer } from './layers/bundle.ts'
import { APP, type Checkout } from './layers/checkout.ts'
import { dependencyLayer } from './layers/dependencies.ts'
import { productionClosure } from './layers/production-closure.ts'
import { sourceLayer } from './layers/sources.ts'
import type { RunConfig } from './oci/write-image.ts'
import { directory, type Entry } from './tar/entries.ts'

/** Where a verifier keeps its WAL unless told otherwise: the one folder of the image that its user may write, besides /tmp. */
const WAL_FOLDER = 'var/lib/fractal-lba/wal'

interface ImageSpec {
  readonly name: string
  readonly room: string
  readonly what: string
  readonly env: Readonly<Record<string, string>>
  /** Options of Node, before the program. */
  readonly nodeOptions: readonly string[]
  /** Whether its bundle runs, rather than its sources. */
  readonly bundled: boolean
  readonly ports: readonly number[]
  readonly extra: readonly Entry[]
}

export const IMAGES: readonly ImageSpec[] = [
  {
    name: 'fractal-lba',
    room: 'backend',
    what: 'A verifier of a fractal-lba fleet',
    env: { WAL_DIR: `/${WAL_FOLDER}` },
    nodeOptions: [],
    bundled: false,
    ports: [8080, 8081],
    extra: [directory('var/lib/fractal-lba', 0o755, NONROOT), directory(WAL_FOLDER, 0o700, NONROOT)],
  },
  {
    name: 'fractal-lba-operator',
    room: 'operator',
    what: 'The operator of fractal-lba fleets',
    // glibc keeps what many threads and connections once needed, unless told from which size on blocks are mapped by themselves, and how
    // much of a heap's end may stay free.
    env: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' },
    // New objects in little space: with the default of 16 MiB it takes twice the memory at its start. The other is for operator/src/runtime/memory.ts.
    nodeOptions: ['--max-semi-space-size=1', '--expose-gc'],
    bundled: true,
    ports: [8081, 8443],
    extra: [],
  },
]

/** Repository that image names stand in; a registry of one's own is a matter of `ctr images tag` or `docker tag`. */
const REPOSITORY = 'docker.io/fractal-lba'

export const imageName = (name: string, tag: string): string => `${REPOSITORY}/${name}:${tag}`

export async function layersOf(spec: ImageSpec, checkout: Checkout, base: readonly Entry[]): Promise<Entry[][]> {
  const closure = productionClosure(checkout.lock, spec.room, checkout.platform)
  const basePaths = new Set(base.map(({ path }) => path))
  const layers = [dependencyLayer(checkout, closure, basePaths), [...sourceLayer(checkout, closure), ...spec.extra]]
  return spec.bundled ? [...layers, await bundleLayer(checkout.root, spec.room)] : layers
}

export function runConfigOf(spec: ImageSpec, version: string): RunConfig {
  return {
    user: `${NONROOT}:${NONROOT}`,
    entrypoint: [
      `/${NODE_PATH}`,
      '--disable-warning=ExperimentalWarning',
      ...spec.nodeOptions,
      spec.bundled ? `/${bundleFolder(spec.room)}/${BUNDLE_MAIN}` : `/${join(APP, spec.room)}/src/main.ts`,
    ],
    env: { PATH: '/usr/local/bin', NODE_ENV: 'production', ...spec.env },
    workingDir: `/${APP}`,
    labels: {
      'org.opencontainers.image.title': spec.name,
      'org.opencontainers.image.description': spec.what,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
    ports: spec.ports,
  }
}
