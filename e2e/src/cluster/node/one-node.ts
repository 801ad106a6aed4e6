/**
 * A one-node cluster of real parts on this machine, as root: etcd, kube-apiserver, controller manager, scheduler, containerd, kubelet,
 * kube-proxy and CoreDNS as processes of the machine; pods in containers. For machines that can pull no image.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  apiServerFlags,
  askReady,
  caFileOf,
  controllerManagerFlags,
  etcdFlags,
  kubeconfigText,
  prepareApiServer,
  SERVICE_SUBNET,
} from '@fractal-lba/servers/kubernetes/api-server-flags'
import { ensurePrograms, programPath } from '@fractal-lba/servers/kubernetes/build'
import { CLUSTER_PROGRAMS } from '@fractal-lba/servers/kubernetes/programs'
import { run } from '../../support/run-command.ts'
import type { Cluster, ComponentState } from '../port.ts'
import { Components } from './components.ts'
import { configurationFiles, storageManifest, volumeDirectory, volumeIndex, volumeManifest } from './configuration.ts'
import * as layout from './layout.ts'
import { ensurePauseImage } from './pause-image.ts'
import { ensureSystemPackages, systemCommand } from './system-packages.ts'

const { nodeDirectory, kubeconfigFile, containerdSocket } = layout
const STOP_PATIENCE_MS = 10_000
const START_TIMEOUT_MS = 90_000
const POLL_MS = 200
const MAX_IMPORT_TRIES = 4
/**
 * An API server may be away for minutes. A controller manager that is elected ends with it and forgets since when it has not heard of the
 * nodes; this one stays, and would take the time away for theirs, and every pod out of its Service.
 */
const NODE_GRACE = '600s'
const PROBE_INTERFACE = 'flk-probe'
/** What stops first must not be missed by what stops later. */
const STOP_ORDER = ['kubelet', 'kube-proxy', 'coredns', 'kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd']

export class OneNodeCluster implements Cluster {
  readonly kubeconfig = kubeconfigFile
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  async whyNot(): Promise<string | undefined> {
    if (process.platform !== 'linux') return `a one-node cluster runs on Linux, not on ${process.platform}`
    if (process.getuid?.() !== 0) return 'a one-node cluster needs root (network interfaces, containers)'
    if (existsSync(nodeDirectory)) return undefined
    try {
      await this.#ip('link', 'add', PROBE_INTERFACE, 'type', 'bridge')
      await this.#ip('link', 'delete', PROBE_INTERFACE)
      await run('unshare', ['--net', '--mount', '--pid', '--fork', 'true'])
      return undefined
    } catch (error) {
      return `this machine has no network bridges or namespaces: ${(error as Error).message}`
    }
  }

  async up(): Promise<void> {
    const reason = await this.whyNot()
    if (reason !== undefined)
      throw new Error(`The cluster cannot be started: ${reason}. Where Docker runs, install kind, and it is used instead.`)
    await ensureSystemPackages(this.#say)
    await ensurePrograms(CLUSTER_PROGRAMS, this.#say)
    const pause = await ensurePauseImage()
    const token = await this.#prepare()
    await this.#startControlPlane(token)
    await this.#startNode(pause)
    await this.#kubectl(['apply', '--server-side', '-f', '-'], storageManifest())
  }

  async down(): Promise<void> {
    if (!existsSync(nodeDirectory)) return
    const components = this.#components
    for (const name of STOP_ORDER.slice(0, 1)) await components.stop(name, 'SIGTERM', STOP_PATIENCE_MS)
    // Killed or cut short, it leaves its containers running.
    if ((await components.names()).includes('containerd')) {
      components.startAgain('containerd')
      await this.#untilContainerd()
      await this.#removeContainers()
    }
    for (const name of STOP_ORDER.slice(1)) await components.stop(name, 'SIGTERM', STOP_PATIENCE_MS)
    await components.stop('containerd', 'SIGTERM', STOP_PATIENCE_MS)
    await this.#unmount()
    await run(programPath('kube-proxy'), ['--cleanup']).catch((error: Error) =>
      this.#say(`kube-proxy left rules behind: ${error.message.split('\n')[0]}`),
    )
    for (const name of [layout.NODE_INTERFACE, layout.BRIDGE]) await this.#ip('link', 'delete', name).catch(() => undefined)
    await rm(nodeDirectory, { recursive: true, force: true })
  }

  async loadImage(archive: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#ctr('images', 'import', archive)
        return
      } catch (error) {
        // containerd may collect a layer of an image that was just replaced, while the next one is being put on top of it.
        const collected = /parent snapshot .* does not exist/.test((error as Error).message)
        if (!collected || tries >= MAX_IMPORT_TRIES) throw error
      }
    }
  }

  async recycleVolumes(): Promise<void> {
    const { items } = JSON.parse(await this.#kubectl(['get', 'persistentvolumes', '-o', 'json'])) as {
      items: { metadata: { name: string }; status?: { phase?: string } }[]
    }
    const released = items.filter(({ status }) => status?.phase === 'Released').map(({ metadata }) => metadata.name)
    if (released.length === 0) return
    await this.#kubectl(['delete', 'persistentvolumes', ...released, '--timeout=60s'])
    const indexes = released.map(volumeIndex)
    for (const index of indexes) {
      await rm(volumeDirectory(index), { recursive: true, force: true })
      await makeVolume(volumeDirectory(index))
    }
    const list = { apiVersion: 'v1', kind: 'List', items: indexes.map(volumeManifest) }
    await this.#kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list))
  }

  async status(): Promise<readonly ComponentState[]> {
    if (!existsSync(nodeDirectory)) return []
    const components = this.#components
    const names = await components.names()
    return names.map((name) => ({ name, running: components.isRunning(name), log: components.logOf(name) }))
  }

  async stopComponent(name: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    await this.#components.stop(name, signal, STOP_PATIENCE_MS)
  }

  async startComponent(name: string): Promise<void> {
    this.#components.startAgain(name)
    if (name === 'kube-apiserver') await this.#untilApiServer()
  }

  get #components(): Components {
    return new Components(nodeDirectory)
  }

  /** @returns the token of the cluster's administrator. */
  async #prepare(): Promise<string> {
    const tokenFile = join(nodeDirectory, 'token')
    if (existsSync(tokenFile)) return (await readFile(tokenFile, 'utf8')).trim()
    const token = randomBytes(16).toString('hex')
    for (const [name, content] of Object.entries(configurationFiles())) {
      await mkdir(dirname(join(nodeDirectory, name)), { recursive: true })
      await writeFile(join(nodeDirectory, name), content)
    }
    for (let index = 0; index < layout.VOLUME_COUNT; index++) await makeVolume(volumeDirectory(index))
    await prepareApiServer(nodeDirectory, token)
    await writeFile(kubeconfigFile, kubeconfigText(layout.apiServerUrl, caFileOf(nodeDirectory), token), { mode: 0o600 })
    await writeFile(tokenFile, token, { mode: 0o600 })
    return token
  }

  async #startControlPlane(token: string): Promise<void> {
    const components = this.#components
    await this.#ip('link', 'add', layout.NODE_INTERFACE, 'type', 'bridge').catch(existsAlready)
    await this.#ip('address', 'replace', `${layout.NODE_ADDRESS}/32`, 'dev', layout.NODE_INTERFACE)
    await this.#ip('link', 'set', layout.NODE_INTERFACE, 'up')
    // A Service without endpoints has no rule for a moment; what is sent to it then must end here, not on the machine's own network.
    await this.#ip('route', 'replace', SERVICE_SUBNET, 'dev', layout.NODE_INTERFACE)
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
    components.start('etcd', programPath('etcd'), etcdFlags(layout.apiServer))
    components.start('kube-apiserver', programPath('kube-apiserver'), apiServerFlags(layout.apiServer))
    components.start('containerd', systemCommand('containerd') ?? 'containerd', ['-c', join(nodeDirectory, 'containerd.toml')])
    await this.#untilApiServer(token)
    components.start('kube-controller-manager', programPath('kube-controller-manager'), [
      ...controllerManagerFlags(nodeDirectory, kubeconfigFile),
      '--node-monitor-grace-period',
      NODE_GRACE,
    ])
    components.start('kube-scheduler', programPath('kube-scheduler'), ['--kubeconfig', kubeconfigFile, '--leader-elect=false'])
    components.start('coredns', programPath('coredns'), ['-conf', join(nodeDirectory, 'Corefile')])
  }

  async #startNode(pause: string): Promise<void> {
    const components = this.#components
    await this.#untilContainerd()
    await this.loadImage(pause)
    components.start('kubelet', programPath('kubelet'), [
      ...['--kubeconfig', kubeconfigFile, '--config', join(nodeDirectory, 'kubelet.yaml')],
      ...['--root-dir', join(nodeDirectory, 'kubelet'), '--cert-dir', join(nodeDirectory, 'kubelet-certs')],
      ...['--hostname-override', layout.NODE_NAME, '--node-ip', layout.NODE_ADDRESS],
    ])
    components.start('kube-proxy', programPath('kube-proxy'), [
      ...['--kubeconfig', kubeconfigFile, '--cluster-cidr', layout.POD_SUBNET, '--hostname-override', layout.NODE_NAME],
      ...['--proxy-mode', 'iptables', '--conntrack-max-per-core', '0'],
    ])
    await until(
      'the node',
      async () => {
        const status = '{.status.conditions[?(@.type=="Ready")].status}'
        return (await this.#kubectl(['get', 'node', layout.NODE_NAME, '-o', `jsonpath=${status}`])) === 'True'
      },
      () => components.logOf('kubelet'),
    )
    await givePodsTheirShare()
  }

  async #untilApiServer(token?: string): Promise<void> {
    const given = token ?? (await readFile(join(nodeDirectory, 'token'), 'utf8')).trim()
    const ready = () => askReady(layout.apiServerUrl, caFileOf(nodeDirectory), given).then(() => true)
    await until('kube-apiserver', ready, () => this.#components.logOf('kube-apiserver'))
  }

  #untilContainerd(): Promise<void> {
    const answers = () => this.#ctr('version').then(() => true)
    return until('containerd', answers, () => this.#components.logOf('containerd'))
  }

  async #removeContainers(): Promise<void> {
    const ids = async (...what: string[]) => (await this.#ctr(...what, 'ls', '-q')).split('\n').filter((id) => id !== '')
    for (const task of await ids('tasks'))
      await this.#ctr('tasks', 'kill', '--all', '--signal', 'SIGKILL', task).catch(() => undefined)
    for (const task of await ids('tasks')) await this.#ctr('tasks', 'delete', '--force', task).catch(() => undefined)
    for (const id of await ids('containers')) await this.#ctr('containers', 'delete', id).catch(() => undefined)
  }

  /** Volumes and root file systems of pods that were still there. */
  async #unmount(): Promise<void> {
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '')
    const ours = mounts.filter((path) => path.startsWith(`${nodeDirectory}/`)).reverse()
    for (const path of ours) await run('umount', ['-l', path])
  }

  #ctr(...args: string[]): Promise<string> {
    return run('ctr', ['-a', containerdSocket, '-n', 'k8s.io', ...args])
  }

  #ip(...args: string[]): Promise<string> {
    return run(systemCommand('ip') ?? 'ip', args)
  }

  #kubectl(args: readonly string[], input?: string): Promise<string> {
    return run(programPath('kubectl'), ['--kubeconfig', kubeconfigFile, ...args], input === undefined ? {} : { input })
  }
}

/**
 * All pods together weigh as much as the node has processors: two, on two of them. Here they share the node with everything around them (API
 * server, suites, agents), a process of which weighs as much as half of all pods, so that a busy machine left them hardly any time.
 */
async function givePodsTheirShare(): Promise<void> {
  const files = [
    { file: '/sys/fs/cgroup/cpu/kubepods/cpu.shares', value: '20480' },
    { file: '/sys/fs/cgroup/kubepods/cpu.weight', value: '782' },
  ]
  for (const { file, value } of files) if (existsSync(file)) await writeFile(file, value)
}

/** Writable for whoever a pod runs as. */
async function makeVolume(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o777)
}

function existsAlready(error: Error): void {
  if (!/File exists/.test(error.message)) throw error
}

async function until(what: string, attempt: () => boolean | Promise<boolean>, log: () => string): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS
  for (let cause: unknown; ; await sleep(POLL_MS)) {
    try {
      if (await attempt()) return
    } catch (error) {
      cause = error
    }
    if (Date.now() > deadlineMs)
      throw new Error(`${what} was not ready within ${START_TIMEOUT_MS / 1000} s: see ${log()}`, { cause })
  }
}
