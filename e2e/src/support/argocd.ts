/**
 * Argo CD beside the cluster: its application controller and its repo server as processes of this machine, from the binary that was built
 * of its Go module, with a Redis of their own. No web server: Applications are written and read with kubectl.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { binDirectory, programPath } from '@fractal-lba/servers/kubernetes/build'
import { established } from '@fractal-lba/servers/kubernetes/established'
import { ARGOCD_PROGRAMS } from '@fractal-lba/servers/kubernetes/programs'
import { startRedis } from '@fractal-lba/servers/redis'
import { endChild, freePort, type RunningServer } from '@fractal-lba/servers/running-server'
import type { Kubectl, Resource } from './kubectl.ts'
import { run } from './run-command.ts'
import { until } from './until.ts'
import { checkout } from './world.ts'

export const ARGOCD_NAMESPACE = 'argocd'
const STOP_PATIENCE_MS = 10_000

export interface Application extends Resource {
  readonly status?: {
    readonly health?: { readonly status?: string; readonly message?: string }
    readonly sync?: { readonly status?: string; readonly revision?: string }
    readonly operationState?: { readonly phase?: string; readonly message?: string; readonly startedAt?: string }
    readonly conditions?: readonly { readonly type: string; readonly message: string }[]
    readonly resources?: readonly {
      readonly kind: string
      readonly name: string
      readonly status?: string
      readonly health?: { readonly status?: string; readonly message?: string }
    }[]
    readonly [other: string]: unknown
  }
}

export class ArgoCd {
  readonly #kubectl: Kubectl
  readonly #redis: RunningServer
  readonly #children: ChildProcess[]
  readonly logs: string

  private constructor(kubectl: Kubectl, redis: RunningServer, children: ChildProcess[], logs: string) {
    this.#kubectl = kubectl
    this.#redis = redis
    this.#children = children
    this.logs = logs
  }

  static async start(kubectl: Kubectl): Promise<ArgoCd> {
    await install(kubectl)
    const redis = await startRedis()
    const dir = await mkdtemp(join(tmpdir(), 'flk-argocd-'))
    const [repoPort, repoMetrics, controllerMetrics] = [await freePort(), await freePort(), await freePort()]
    for (const name of ['tls', 'ssh', 'gpg', 'plugins']) await mkdir(join(dir, name))
    const env = {
      ...kubectl.env,
      // Its repo server renders charts with the helm that it finds.
      PATH: `${binDirectory}${delimiter}${process.env.PATH}`,
      ARGOCD_FAKE_IN_CLUSTER: 'true',
      ARGOCD_GPG_ENABLED: 'false',
      ARGOCD_TLS_DATA_PATH: join(dir, 'tls'),
      ARGOCD_SSH_DATA_PATH: join(dir, 'ssh'),
      ARGOCD_PLUGINSOCKFILEPATH: join(dir, 'plugins'),
      ARGOCD_EXEC_TIMEOUT: '60s',
    }
    const start = (role: string, args: readonly string[]): ChildProcess => {
      const log = openSync(join(dir, `${role}.log`), 'a')
      return spawn(programPath('argocd'), args, {
        env: { ...env, ARGOCD_BINARY_NAME: role },
        stdio: ['ignore', log, log],
        detached: true,
      })
    }
    const redisAddress = `127.0.0.1:${redis.port}`
    const children = [
      start('argocd-repo-server', [
        ...[
          '--address',
          '127.0.0.1',
          '--port',
          `${repoPort}`,
          '--metrics-address',
          '127.0.0.1',
          '--metrics-port',
          `${repoMetrics}`,
        ],
        ...['--redis', redisAddress, '--disable-tls', '--loglevel', 'warn'],
      ]),
      start('argocd-application-controller', [
        ...['--namespace', ARGOCD_NAMESPACE, '--repo-server', `127.0.0.1:${repoPort}`, '--repo-server-plaintext'],
        ...[
          '--redis',
          redisAddress,
          '--metrics-port',
          `${controllerMetrics}`,
          '--app-resync',
          '10',
          '--self-heal-timeout-seconds',
          '2',
        ],
        ...['--status-processors', '4', '--operation-processors', '2', '--loglevel', 'warn'],
      ]),
    ]
    return new ArgoCd(kubectl, redis, children, dir)
  }

  /** Waits until the Application is so; says how it is where it does not become so. */
  async untilApplication(
    name: string,
    what: string,
    timeoutMs: number,
    holds: (application: Application) => boolean,
  ): Promise<Application> {
    return until<Application>(`Application ${name} ${what}`, timeoutMs, async () => {
      const dead = this.#children.find((child) => child.exitCode !== null)
      if (dead) throw new Error(`a process of Argo CD ended: see ${this.logs}`)
      const application = await this.#kubectl.get<Application>('applications', ARGOCD_NAMESPACE, name)
      return holds(application) ? application : describe(application)
    })
  }

  /** Looks at git now, not at the next round. */
  async refresh(name: string): Promise<void> {
    await this.#kubectl.run([
      '-n',
      ARGOCD_NAMESPACE,
      'annotate',
      '--overwrite',
      'application',
      name,
      'argocd.argoproj.io/refresh=normal',
    ])
  }

  async stop(): Promise<void> {
    for (const child of this.#children) await endChild(child, 'SIGTERM', STOP_PATIENCE_MS)
    await this.#redis.stop()
  }
}

/** The kinds and settings that Argo CD needs, with this project's. */
async function install(kubectl: Kubectl): Promise<void> {
  const [{ module, version }] = ARGOCD_PROGRAMS as [(typeof ARGOCD_PROGRAMS)[number]]
  const found = JSON.parse(await run('go', ['mod', 'download', '-json', `${module}@${version}`])) as { Dir: string }
  const crds = ['application', 'appproject'].map((kind) => join(found.Dir, 'manifests/crds', `${kind}-crd.yaml`))
  await kubectl.run(['apply', '--server-side', '--force-conflicts', ...crds.flatMap((file) => ['-f', file])])
  const kinds = ['applications', 'appprojects'].map((kind) => `crd/${kind}.argoproj.io`)
  await established((...args) => kubectl.run(args), ...kinds)
  const configMap = (name: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: ARGOCD_NAMESPACE, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
  })
  const names = [
    'argocd-cm',
    'argocd-rbac-cm',
    'argocd-gpg-keys-cm',
    'argocd-ssh-known-hosts-cm',
    'argocd-tls-certs-cm',
    'argocd-cmd-params-cm',
  ]
  // That of a run before may still be on its way out.
  await kubectl.deleteNamespace(ARGOCD_NAMESPACE)
  await kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: ARGOCD_NAMESPACE } })
  await kubectl.apply(
    ...names.map(configMap),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'argocd-secret', namespace: ARGOCD_NAMESPACE, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
      stringData: { 'server.secretkey': 'only-for-this-test' },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AppProject',
      metadata: { name: 'default', namespace: ARGOCD_NAMESPACE },
      spec: {
        sourceRepos: ['*'],
        destinations: [{ namespace: '*', server: '*' }],
        clusterResourceWhitelist: [{ group: '*', kind: '*' }],
      },
    },
  )
  // As config/argocd/README.md says.
  const patch = join(checkout, 'config/argocd/argocd-cm.yaml')
  await kubectl.run(['-n', ARGOCD_NAMESPACE, 'patch', 'configmap', 'argocd-cm', '--patch-file', patch])
}

function describe({ status = {} }: Application): string {
  const { health, sync, operationState, conditions = [] } = status
  const said = conditions.map(({ type, message }) => `${type}: ${message}`).join('; ')
  return `${sync?.status ?? 'not synced'}, ${health?.status ?? 'no health'} ${health?.message ?? ''}; ${operationState?.phase ?? ''} ${operationState?.message ?? ''} ${said}`.slice(
    0,
    600,
  )
}
