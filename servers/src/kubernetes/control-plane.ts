/**
 * A real Kubernetes API on this machine: etcd and kube-apiserver on free ports of 127.0.0.1, with RBAC, an audit log, and, if
 * wanted, the controller manager (for garbage collection, service account tokens, StatefulSets). No nodes: nothing runs in it. Up in
 * about three seconds once the binaries are built (`build.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endChild, freePort, untilAnswers } from '../running-server.ts'
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

const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'flk-control-plane-')))
  await mkdir(dir, { recursive: true })
  const path = (name: string) => join(dir, name)
  const token = randomBytes(16).toString('hex')
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()]
  const url = `https://127.0.0.1:${apiPort}`
  const caFile = path('certs/apiserver.crt')
  const auditLog = path('audit.log')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(path('service-accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  await writeFile(path('tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 })
  await writeFile(path('audit-policy.yaml'), AUDIT_POLICY)
  await writeFile(path('kubeconfig'), kubeconfigOf(url, caFile, token), { mode: 0o600 })

  const start = (name: string, program: string, args: readonly string[]): ChildProcess => {
    const log = openSync(path(`${name}.log`), 'a')
    return spawn(programPath(program), [...args], { cwd: dir, stdio: ['ignore', log, log], detached: true })
  }
  const etcd = start('etcd', 'etcd', [
    ...['--data-dir', path('etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', `http://127.0.0.1:${etcdPort}`, '--advertise-client-urls', `http://127.0.0.1:${etcdPort}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peerPort}`],
  ])
  let apiServer: ChildProcess
  const startApiServer = async () => {
    apiServer = start('kube-apiserver', 'kube-apiserver', [
      ...['--etcd-servers', `http://127.0.0.1:${etcdPort}`, '--cert-dir', path('certs'), '--secure-port', `${apiPort}`],
      ...['--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1', '--endpoint-reconciler-type', 'none'],
      ...['--service-cluster-ip-range', '10.96.0.0/16', '--service-account-issuer', 'https://kubernetes.default.svc'],
      ...['--service-account-key-file', path('service-accounts.key')],
      ...['--service-account-signing-key-file', path('service-accounts.key')],
      ...['--token-auth-file', path('tokens.csv'), '--authorization-mode', 'Node,RBAC'],
      ...['--audit-log-path', auditLog, '--audit-policy-file', path('audit-policy.yaml')],
      ...(options.apiServerArgs ?? []),
    ])
    await untilAnswers('kube-apiserver', apiServer, () => ready(url, caFile, token), START_TIMEOUT_MS)
  }
  await startApiServer()
  const manager =
    options.controllerManager &&
    start('kube-controller-manager', 'kube-controller-manager', [
      ...['--kubeconfig', path('kubeconfig'), '--service-account-private-key-file', path('service-accounts.key')],
      ...['--root-ca-file', caFile, '--use-service-account-credentials=true', '--leader-elect=false', '--secure-port', '0'],
    ])
  const killApiServer = () => endChild(apiServer, 'SIGKILL', STOP_PATIENCE_MS)
  return {
    url,
    token,
    caFile,
    kubeconfig: path('kubeconfig'),
    auditLog,
    killApiServer,
    startApiServer,
    async stop() {
      if (manager) await endChild(manager, 'SIGTERM', STOP_PATIENCE_MS)
      await killApiServer()
      await endChild(etcd, 'SIGKILL', STOP_PATIENCE_MS)
    },
  }
}

export function kubeconfigOf(url: string, caFile: string, token: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
    'current-context': 'local',
  }
  // JSON is YAML.
  return `${JSON.stringify(config, undefined, 2)}\n`
}

async function ready(url: string, caFile: string, token: string): Promise<void> {
  const ca = await readFile(caFile)
  await new Promise<void>((resolve, reject) => {
    const asked = request(`${url}/readyz`, { ca, headers: { authorization: `Bearer ${token}` }, timeout: 1000 }, (answer) => {
      answer.resume()
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`/readyz answered ${answer.statusCode}`))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end()
  })
}
