/**
 * Programs that are built with Go, once, into a folder outside the checkout: a stamp beside each names what it was built from. A build
 * that is interrupted leaves no stamp, and Go's own cache makes the next one short. A program is a public module at one pinned version,
 * or a folder of this repository with its own go.mod and go.sum.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where everything that is built or fetched once is kept. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fractal-lba')

export interface GoModulePrograms {
  readonly name: string
  readonly module: string
  readonly version: string
  /** Binary name → package. */
  readonly commands: Readonly<Record<string, string>>
  /**
   * A module's own `replace` lines do not reach whoever builds it from outside, so they are repeated. `kubernetes-staging`: every
   * `k8s.io/* v0.0.0` of Kubernetes itself; `own`: the module's own lines that name versions.
   */
  readonly replace: 'kubernetes-staging' | 'own' | 'none'
  readonly linkFlags: string
  /** What a first build takes on two cores, for the line that is printed before it. */
  readonly coldBuildMinutes: number
}

export interface GoFolderProgram {
  /** Of the binary. */
  readonly name: string
  /** Holds go.mod, go.sum and the sources. */
  readonly folder: string
}

/** Programs in one folder of the cache. */
export class GoPrograms {
  readonly home: string
  readonly binDirectory: string

  /** @param name of the folder in the cache */
  constructor(name: string) {
    this.home = join(cacheFolder, name)
    this.binDirectory = join(this.home, 'bin')
  }

  /** Path of a built program. */
  path(name: string): string {
    return join(this.binDirectory, name)
  }

  /** Builds what is not there yet, one after the other (each build uses all cores by itself), saying so line by line. */
  async ensure(wanted: readonly (GoModulePrograms | GoFolderProgram)[], say: (line: string) => void): Promise<void> {
    for (const programs of wanted) {
      const names = 'folder' in programs ? [programs.name] : Object.keys(programs.commands)
      const stamp = 'folder' in programs ? stampOfFolder(programs) : stampOfModule(programs)
      const stampFile = join(this.binDirectory, `.${programs.name}.built-from`)
      const built = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
      if (built && names.every((name) => existsSync(this.path(name)))) continue
      requireGo(names)
      const what = 'folder' in programs ? '' : ` ${programs.version}`
      const minutes = 'folder' in programs ? 'less than a minute' : `about ${programs.coldBuildMinutes} min on two cores`
      say(`Building ${names.join(', ')}${what} once (${minutes}) ...`)
      const startedMs = Date.now()
      mkdirSync(this.binDirectory, { recursive: true })
      if ('folder' in programs) await go(['build', '-trimpath', '-o', this.path(programs.name), '.'], programs.folder, 'readonly')
      else await this.#buildModule(programs)
      writeFileSync(stampFile, stamp)
      say(`Built ${programs.name} in ${Math.round((Date.now() - startedMs) / 1000)} s.`)
    }
  }

  async #buildModule(set: GoModulePrograms): Promise<void> {
    const home = join(this.home, `build-${set.name}`)
    mkdirSync(home, { recursive: true })
    const packages = Object.values(set.commands)
    const replaced = await replaceLines(set, home)
    writeFileSync(
      join(home, 'go.mod'),
      [
        `module build-${set.name}`,
        'go 1.26.0',
        `require ${set.module} ${set.version}`,
        ...(replaced.length > 0 ? ['replace (', ...replaced.map((line) => `\t${line}`), ')'] : []),
        'tool (',
        ...packages.map((path) => `\t${path}`),
        ')',
        '',
      ].join('\n'),
    )
    await go(['mod', 'tidy'], home, 'mod')
    const flags = `-s -w ${set.linkFlags}`.trim()
    for (const [command, path] of Object.entries(set.commands))
      await go(['build', '-trimpath', '-ldflags', flags, '-o', this.path(command), path], home, 'mod')
  }
}

const stampOfModule = (set: GoModulePrograms) =>
  `${set.module}@${set.version} ${Object.keys(set.commands).join(' ')} ${set.linkFlags}\n`

function stampOfFolder({ folder }: GoFolderProgram): string {
  const digest = createHash('sha256')
  for (const file of readdirSync(folder).sort()) digest.update(`${file}\0`).update(readFileSync(join(folder, file)))
  return `${digest.digest('hex')}\n`
}

/** Something must be built, and there is no Go to build it with. */
export class GoIsMissing extends Error {
  constructor(names: readonly string[]) {
    super(
      `Go 1.26 or newer is needed to build ${names.join(', ')} (no \`go\` in PATH): install it (https://go.dev/dl) and run this again.`,
    )
  }
}

function requireGo(names: readonly string[]): void {
  if (spawnSync('go', ['version']).status !== 0) throw new GoIsMissing(names)
}

async function replaceLines(set: GoModulePrograms, cwd: string): Promise<string[]> {
  if (set.replace === 'none') return []
  const found = JSON.parse(await go(['mod', 'download', '-json', `${set.module}@${set.version}`], cwd, 'mod')) as {
    GoMod: string
  }
  const text = readFileSync(found.GoMod, 'utf8')
  if (set.replace === 'kubernetes-staging') {
    const staging = set.version.replace(/^v1\./, 'v0.')
    return [...text.matchAll(/^\t(k8s\.io\/\S+) v0\.0\.0$/gm)].map(([, module]) => `${module} => ${module} ${staging}`)
  }
  return [...text.matchAll(/^(?:replace )?\s*(\S+(?: v\S+)? => \S+ v\S+)/gm)].map((match) => match[1] ?? '')
}

/** @param modules `readonly`: exactly what go.sum says; `mod`: go.mod may be completed. */
function go(args: readonly string[], cwd: string, modules: 'readonly' | 'mod'): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', [...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: `-mod=${modules} -buildvcs=false`, GOWORK: 'off' },
    })
    let out = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk).slice(-4000)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`go ${args.slice(0, 2).join(' ')} in ${cwd} failed:\n${errors.trim()}`))
    })
  })
}
