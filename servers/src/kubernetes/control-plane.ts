/**
 * A real Kubernetes API on this machine: etcd and kube-apiserver on free ports of 127.0.0.1, with RBAC, an audit log, and, if
 * wanted, the controller manager (for garbage collection, service account tokens, StatefulSets). No nodes: nothing runs in it. Up in
 * about three seconds once the binaries are built (`build.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild, freePort, untilAnswers } from '../running-server.ts'
import {
  apiServerFlags,
  askReady,
  auditLogOf,
  caFileOf,
  controllerManagerFlags,
  etcdFlags,
  kubeconfigText,
  prepareApiServer,
} from './api-server-flags.ts'
import { programPath } from './build.ts'

export interface ControlPlaneOptions {
  /** Where state, certificates, logs and the kubeconfig go; a new temporary folder by default. */
  readonly dir?: string
  /** Also run kube-controller-manager. Default false. */
  readonly controllerManager?: boolean
  readonly apiServerArgs?: readonly string[]
}

export interface ControlPlane {
  /** e.g. `https://127.0.0.1:40123`. */
  readonly url: string
  /** Of a user in `system:masters`. */
  readonly token: string
  /** Path of the CA bundle that the API server's certificate is checked with. */
  readonly caFile: string
  /** Path of a kubeconfig of that user. */
  readonly kubeconfig: string
  /** JSON lines, at level Metadata. */
  readonly auditLog: string
  /** Ends the API server at once, as a crash does; etcd stays. */
  killApiServer(): Promise<void>
  startApiServer(): Promise<void>
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 60_000
const STOP_PATIENCE_MS = 5_000

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'flk-control-plane-')))
  await mkdir(dir, { recursive: true })
  const token = randomBytes(16).toString('hex')
  const place = {
    dir,
    address: '127.0.0.1',
    port: await freePort(),
    etcdPort: await freePort(),
    etcdPeerPort: await freePort(),
  }
  const url = `https://127.0.0.1:${place.port}`
  const kubeconfig = join(dir, 'kubeconfig')
  await prepareApiServer(dir, token)
  await writeFile(kubeconfig, kubeconfigText(url, caFileOf(dir), token), { mode: 0o600 })

  const start = (program: string, args: readonly string[]): ChildProcess => {
    const log = openSync(join(dir, `${program}.log`), 'a')
    return spawn(programPath(program), [...args], { cwd: dir, stdio: ['ignore', log, log], detached: true })
  }
  const etcd = start('etcd', etcdFlags(place))
  let apiServer: ChildProcess
  const startApiServer = async () => {
    // An API server on a loopback address cannot be an endpoint of the `kubernetes` Service; nothing here asks for one.
    const flags = [...apiServerFlags(place), '--endpoint-reconciler-type', 'none', ...(options.apiServerArgs ?? [])]
    apiServer = start('kube-apiserver', flags)
    await untilAnswers('kube-apiserver', apiServer, () => askReady(url, caFileOf(dir), token), START_TIMEOUT_MS)
  }
  await startApiServer()
  const manager = options.controllerManager && start('kube-controller-manager', controllerManagerFlags(dir, kubeconfig))
  const killApiServer = () => endChild(apiServer, 'SIGKILL', STOP_PATIENCE_MS)
  return {
    url,
    token,
    caFile: caFileOf(dir),
    kubeconfig,
    auditLog: auditLogOf(dir),
    killApiServer,
    startApiServer,
    async stop() {
      if (manager) await endChild(manager, 'SIGTERM', STOP_PATIENCE_MS)
      await killApiServer()
      await endChild(etcd, 'SIGKILL', STOP_PATIENCE_MS)
    },
  }
}
