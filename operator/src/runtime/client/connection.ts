/**
 * Where the API server is and how to show who we are: in a pod the service account (its token file is read again every minute, since it
 * is rotated), else the kubeconfig's current context (token, token file, client certificate, exec plugin, user and password).
 *
 * Only the small modules of `@kubernetes/client-node` are loaded, and those that a pod has no need for only where they are needed. Its
 * `KubeConfig` pulls in the generated client of every kind, 85 MB resident, more than the rest of this process.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js'
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js'

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface Connection {
  readonly server: URL
  readonly tls: {
    readonly ca?: Buffer
    readonly cert?: Buffer
    readonly key?: Buffer
    readonly servername?: string
    readonly rejectUnauthorized: boolean
  }
  /** The namespace we run in, or the context's; `default` where neither says. */
  readonly namespace: string
  /** Headers that show who we are, asked for before each request. */
  authorize(): Promise<Readonly<Record<string, string>>>
}

export interface ConnectionSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Overrides `KUBECONFIG`. */
  readonly kubeconfig?: string
  /** Default: where a pod has its service account. */
  readonly serviceAccountDir?: string
}

/** @throws Error that names the file and what is missing. */
export async function loadConnection(sources: ConnectionSources): Promise<Connection> {
  const path = sources.kubeconfig ?? sources.env.KUBECONFIG?.split(delimiter).find((part) => part !== '')
  const host = sources.env.KUBERNETES_SERVICE_HOST
  if (path === undefined && host) {
    return inCluster(host, sources.env.KUBERNETES_SERVICE_PORT ?? '443', sources.serviceAccountDir ?? SERVICE_ACCOUNT_DIR)
  }
  return fromKubeconfig(path ?? join(homedir(), '.kube', 'config'))
}

async function inCluster(host: string, port: string, dir: string): Promise<Connection> {
  const namespace = await readFile(join(dir, 'namespace'), 'utf8').catch(() => 'default')
  const user: User = {
    name: 'service-account',
    authProvider: { name: 'tokenFile', config: { tokenFile: join(dir, 'token') } },
  }
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    tls: { ca: await readFile(join(dir, 'ca.crt')), rejectUnauthorized: true },
    namespace: namespace.trim(),
    authorize: await authorizerOf(user),
  }
}

async function fromKubeconfig(path: string): Promise<Connection> {
  const [{ parse }, types] = await Promise.all([import('yaml'), import('@kubernetes/client-node/dist/config_types.js')])
  const { newClusters, newContexts, newUsers } = types
  const document = parse(await readFile(path, 'utf8')) as Record<string, unknown> | null
  const context = named<Context>(newContexts(document?.contexts), document?.['current-context'], path, 'context')
  const cluster = named<Cluster>(newClusters(document?.clusters), context.cluster, path, 'cluster')
  const user = named<User>(newUsers(document?.users), context.user, path, 'user')
  if (cluster.proxyUrl) throw new Error(`${path}: cluster ${cluster.name} names a proxy-url, which is not supported`)
  if (user.impersonateUser) throw new Error(`${path}: user ${user.name} impersonates another, which is not supported`)
  const bytes = (data: string | undefined, file: string | undefined): Buffer | undefined => {
    if (data) return Buffer.from(data, 'base64')
    return file ? readFileSync(resolve(dirname(path), file)) : undefined
  }
  const [ca, cert, key] = [
    bytes(cluster.caData, cluster.caFile),
    bytes(user.certData, user.certFile),
    bytes(user.keyData, user.keyFile),
  ]
  return {
    server: new URL(cluster.server),
    tls: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(cluster.tlsServerName && { servername: cluster.tlsServerName }),
      rejectUnauthorized: !cluster.skipTLSVerify,
    },
    namespace: context.namespace ?? 'default',
    authorize: await authorizerOf(user),
  }
}

function named<T extends { readonly name: string }>(all: readonly T[], name: unknown, path: string, what: string): T {
  const found = all.find((one) => one.name === name)
  if (!found) throw new Error(`${path}: there is no ${what} named ${JSON.stringify(name)}`)
  return found
}

type Authorizer = Connection['authorize']

async function authorizerOf(user: User): Promise<Authorizer> {
  if (user.token) return async () => ({ authorization: `Bearer ${user.token}` })
  if (user.username) {
    const basic = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')
    return async () => ({ authorization: `Basic ${basic}` })
  }
  const file = new FileAuth()
  if (file.isAuthProvider(user)) return () => headersOf(file, user)
  if (!user.exec) return async () => ({})
  const { ExecAuth } = await import('@kubernetes/client-node/dist/exec_auth.js')
  const exec = new ExecAuth()
  return () => headersOf(exec, user)
}

async function headersOf(
  provider: FileAuth | { applyAuthentication(user: User, options: RequestOptions): Promise<void> },
  user: User,
) {
  const options: RequestOptions = { headers: {} }
  await provider.applyAuthentication(user, options)
  if (options.cert) throw new Error(`user ${user.name}: an exec plugin that answers with a client certificate is not supported`)
  const headers = Object.entries(options.headers as Record<string, string>)
  return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value.trim()]))
}
