// Builds the programs of `programs.ts` into a folder outside the checkout, once: a stamp beside each names the version it was
// built from. A build that is interrupted leaves no stamp, and Go's own cache makes the next one short.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { GoProgramSet } from './programs.ts'

export const clusterCache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fractal-lba', 'cluster')
export const binDirectory = join(clusterCache, 'bin')

/** Path of a built program. */
export const programPath = (name: string): string => join(binDirectory, name)

const stampOf = (set: GoProgramSet) => `${set.module}@${set.version} ${Object.keys(set.commands).join(' ')} ${set.linkFlags}\n`
const stampFile = (set: GoProgramSet) => join(binDirectory, `.${set.name}.built-from`)

const isBuilt = (set: GoProgramSet): boolean =>
  existsSync(stampFile(set)) &&
  readFileSync(stampFile(set), 'utf8') === stampOf(set) &&
  Object.keys(set.commands).every((command) => existsSync(programPath(command)))

/** Builds what is not there yet, one after the other (each build uses all cores by itself), saying so line by line. */
export async function ensurePrograms(sets: readonly GoProgramSet[], say: (line: string) => void): Promise<void> {
  for (const set of sets) {
    if (isBuilt(set)) continue
    requireGo()
    say(
      `Building ${Object.keys(set.commands).join(', ')} ${set.version} once (about ${set.coldBuildMinutes} min on two cores) ...`,
    )
    const startedMs = Date.now()
    await build(set)
    say(`Built ${set.name} in ${Math.round((Date.now() - startedMs) / 1000)} s.`)
  }
}

function requireGo(): void {
  const answer = spawnSync('go', ['version'], { encoding: 'utf8' })
  if (answer.status !== 0)
    throw new Error('Go 1.26 or newer is needed to build the cluster (no `go` in PATH): install it and run this again.')
}

async function build(set: GoProgramSet): Promise<void> {
  const home = join(clusterCache, `build-${set.name}`)
  mkdirSync(home, { recursive: true })
  mkdirSync(binDirectory, { recursive: true })
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
  await go(['mod', 'tidy'], home)
  const flags = `-s -w ${set.linkFlags}`.trim()
  for (const [command, path] of Object.entries(set.commands)) {
    await go(['build', '-trimpath', '-ldflags', flags, '-o', programPath(command), path], home)
  }
  writeFileSync(stampFile(set), stampOf(set))
}

async function replaceLines(set: GoProgramSet, cwd: string): Promise<string[]> {
  if (set.replace === 'none') return []
  const found = JSON.parse(await go(['mod', 'download', '-json', `${set.module}@${set.version}`], cwd)) as { GoMod: string }
  const text = readFileSync(found.GoMod, 'utf8')
  if (set.replace === 'kubernetes-staging') {
    const staging = set.version.replace(/^v1\./, 'v0.')
    return [...text.matchAll(/^\t(k8s\.io\/\S+) v0\.0\.0$/gm)].map(([, module]) => `${module} => ${module} ${staging}`)
  }
  return [...text.matchAll(/^(?:replace )?\s*(\S+(?: v\S+)? => \S+ v\S+)/gm)].map((match) => match[1] ?? '')
}

function go(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', [...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off' },
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
