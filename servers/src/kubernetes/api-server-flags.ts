/** How etcd and kube-apiserver are started, the same for a bare API (`control-plane.ts`) and for a whole cluster. */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'

export interface ApiServerPlace {
  /** Holds certificates, keys, tokens and the audit log. */
  readonly dir: string
  /** Where it listens, and what pods reach it by. */
  readonly address: string
  readonly port: number
  readonly etcdPort: number
  readonly etcdPeerPort: number
}

export const caFileOf = (dir: string): string => join(dir, 'certs', 'apiserver.crt')
export const auditLogOf = (dir: string): string => join(dir, 'audit.log')
const keyOf = (dir: string) => join(dir, 'service-accounts.key')

export const SERVICE_SUBNET = '10.96.0.0/16'

const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

/** Makes what the flags below name: keys, the token of the one user (in `system:masters`), policies. */
export async function prepareApiServer(dir: string, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(keyOf(dir), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  await writeFile(join(dir, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 })
  await writeFile(join(dir, 'audit-policy.yaml'), AUDIT_POLICY)
}

/** Without fsync: what it holds is thrown away with the folder. */
export function etcdFlags({ dir, etcdPort, etcdPeerPort }: ApiServerPlace): string[] {
  const [client, peer] = [`http://127.0.0.1:${etcdPort}`, `http://127.0.0.1:${etcdPeerPort}`]
  return [
    ...['--data-dir', join(dir, 'etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ]
}

export function apiServerFlags({ dir, address, port, etcdPort }: ApiServerPlace): string[] {
  return [
    ...['--etcd-servers', `http://127.0.0.1:${etcdPort}`, '--cert-dir', join(dir, 'certs'), '--secure-port', `${port}`],
    ...['--bind-address', address, '--advertise-address', address],
    ...['--service-cluster-ip-range', SERVICE_SUBNET, '--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-key-file', keyOf(dir), '--service-account-signing-key-file', keyOf(dir)],
    ...['--token-auth-file', join(dir, 'tokens.csv'), '--authorization-mode', 'Node,RBAC', '--allow-privileged=true'],
    ...['--kubelet-preferred-address-types', 'InternalIP'],
    ...['--audit-log-path', auditLogOf(dir), '--audit-policy-file', join(dir, 'audit-policy.yaml')],
  ]
}

export function controllerManagerFlags(dir: string, kubeconfig: string): string[] {
  return [
    ...['--kubeconfig', kubeconfig, '--service-account-private-key-file', keyOf(dir), '--root-ca-file', caFileOf(dir)],
    ...['--use-service-account-credentials=true', '--leader-elect=false', '--secure-port', '0'],
  ]
}

export function kubeconfigText(url: string, caFile: string, token: string): string {
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

/** @throws unless the API server answers that it is ready. */
export async function askReady(url: string, caFile: string, token: string): Promise<void> {
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
