/** What the node takes from the system's packages. As root on Debian they are installed; elsewhere the message says what is missing. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from '../../support/run-command.ts'

/** Debian package → a file or command that it brings. */
const PACKAGES: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  runc: 'runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: 'iptables',
  conntrack: 'conntrack',
  iproute2: 'ip',
}

const SYSTEM_PATH = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

/** Path of a system command; those for administrators are not in everyone's PATH. */
export function systemCommand(name: string): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined
  return SYSTEM_PATH.map((dir) => join(dir, name)).find((path) => existsSync(path))
}

export async function ensureSystemPackages(say: (line: string) => void): Promise<void> {
  const missing = Object.entries(PACKAGES).flatMap(([name, brings]) => (systemCommand(brings) ? [] : [name]))
  if (missing.length === 0) return
  const manual = `install ${missing.join(', ')} (Debian's names) and run this again`
  if (systemCommand('apt-get') === undefined) throw new Error(`This system has no apt-get: ${manual}.`)
  say(`Installing ${missing.join(', ')} with apt-get ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env })
  const still = missing.filter((name) => !systemCommand(PACKAGES[name] ?? name))
  if (still.length > 0) throw new Error(`apt-get brought no ${still.join(', ')}: ${manual}.`)
}
