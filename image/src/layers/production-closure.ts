/**
 * Which packages and rooms a room needs in production, read from package-lock.json: the lock already says what is installed where, so
 * no second install is needed to leave the development tools out.
 */

/** What is read of an entry of the lock's `packages`. */
interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: string | readonly string[]
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface Platform {
  readonly os: string
  readonly cpu: string
}

export interface Closure {
  /** Folders of our own rooms, e.g. `protocol`, by the name they are imported by. */
  readonly rooms: ReadonlyMap<string, string>
  /** Folders of packages, e.g. `node_modules/pino`. */
  readonly packages: readonly string[]
}

/** Images are for glibc, which the packaged Node is built for. */
const LIBC = 'glibc'

export function productionClosure(lock: Lock, room: string, platform: Platform): Closure {
  const rooms = new Map<string, string>()
  const packages = new Set<string>()
  const pending = [room]
  const seen = new Set<string>()
  while (pending.length > 0) {
    const from = pending.pop()!
    if (seen.has(from)) continue
    seen.add(from)
    const needed = lock.packages[from]
    if (!needed) throw new Error(`package-lock.json has no ${from}: run npm install`)
    if (!from.includes('node_modules/')) rooms.set(nameOf(lock, from), from)
    else packages.add(from)
    for (const { name, optional } of dependenciesOf(needed)) {
      const at = locate(lock, from, name)
      if (!at && optional) continue
      if (!at) throw new Error(`package-lock.json has no ${name}, which ${from} needs: run npm install`)
      if (optional && !runsOn(lock.packages[at]!, platform)) continue
      pending.push(lock.packages[at]!.link ? lock.packages[at]!.resolved! : at)
    }
  }
  return { rooms, packages: [...packages].sort() }
}

function dependenciesOf(needed: LockedPackage): { name: string; optional: boolean }[] {
  const optional = new Set(Object.keys(needed.optionalDependencies ?? {}))
  const peers = Object.keys(needed.peerDependencies ?? {}).filter((name) => !needed.peerDependenciesMeta?.[name]?.optional)
  const all = new Set([...Object.keys(needed.dependencies ?? {}), ...optional, ...peers])
  return [...all].map((name) => ({ name, optional: optional.has(name) }))
}

/** As Node looks a package up: in the `node_modules` of the folder itself, then in its parents'. */
function locate(lock: Lock, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = parentOf(folder)) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (lock.packages[candidate]) return candidate
    if (folder === '') return undefined
  }
}

function parentOf(folder: string): string {
  const nested = folder.lastIndexOf('/node_modules/')
  return nested === -1 ? '' : folder.slice(0, nested)
}

function nameOf(lock: Lock, room: string): string {
  const link = Object.entries(lock.packages).find(([, { link, resolved }]) => link && resolved === room)
  if (!link) throw new Error(`package-lock.json links no workspace to ${room}: run npm install`)
  return link[0].slice('node_modules/'.length)
}

/** npm's rule: a list names what is allowed, or with `!` what is not. */
function runsOn(locked: LockedPackage, platform: Platform): boolean {
  const allows = (list: readonly string[] | undefined, is: string) =>
    !list?.length || (list.some((entry) => entry.startsWith('!')) ? !list.includes(`!${is}`) : list.includes(is))
  const libc = typeof locked.libc === 'string' ? [locked.libc] : locked.libc
  return allows(locked.os, platform.os) && allows(locked.cpu, platform.cpu) && allows(libc, LIBC)
}
