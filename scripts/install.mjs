// node scripts/install.mjs [--servers] [--load]
// Brings a fresh clone to where everything runs: Node 24, the locked packages and, where asked, a Redis server (--servers)
// and the load generator (--load). Does nothing, in milliseconds, when all is there. Plain JavaScript, no dependencies.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureNode24, environmentFor } from './node24.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stampFile = join(root, 'node_modules', '.installed-from')

function fail(message) {
  console.error(message)
  process.exit(1)
}

function installPackages(node) {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  console.error('Installing the locked packages (npm ci) ...')
  const started = Date.now()
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environmentFor(node),
  })
  if (done.status !== 0) fail('npm ci failed: see above. Nothing was started.')
  writeFileSync(stampFile, wanted)
  console.error(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`)
}

const onPath = (name) => (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, name)))

/** Installs a system package where that needs no question: as root, with apt, apk or dnf. */
function installSystemPackage(commands, packages, what, otherwise) {
  if (commands.some(onPath)) return
  if (process.getuid?.() === 0) {
    for (const [manager, name] of Object.entries(packages)) {
      if (!onPath(manager)) continue
      console.error(`Installing ${what} with ${manager} ...`)
      const quiet = { stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
      // The package's own service must not start: the project starts servers of its own, on free ports.
      const steps = {
        'apt-get': [
          ['update', '-qq'],
          ['install', '-y', '-qq', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', name],
        ],
        apk: [['add', '--quiet', name]],
        dnf: [['install', '-y', '-q', name]],
      }[manager]
      for (const step of steps) spawnSync(manager, step, quiet)
      if (commands.some(onPath)) return
    }
  }
  otherwise()
}

const node = await ensureNode24().catch((error) => fail(error.message))
installPackages(node)
if (process.argv.includes('--servers')) {
  installSystemPackage(
    ['redis-server', 'valkey-server'],
    { 'apt-get': 'redis-server', apk: 'valkey', dnf: 'valkey' },
    'a Redis server',
    () => {
      if (onPath('docker') && spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) return
      fail(
        'No Redis server: install redis-server or valkey-server (e.g. `sudo apt-get install redis-server`), or start Docker; then run this again.',
      )
    },
  )
}
if (process.argv.includes('--load')) {
  installSystemPackage(['wrk'], { 'apt-get': 'wrk', apk: 'wrk', dnf: 'wrk' }, 'the load generator wrk', () =>
    fail('No wrk: install it (e.g. `sudo apt-get install wrk`); then run this again.'),
  )
}
