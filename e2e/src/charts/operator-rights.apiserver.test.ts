/**
 * The operator's own process, with the arguments and as the ServiceAccount that its chart gives it, against a real API server: what it is
 * granted is enough, cluster-wide and without any ClusterRole, and nothing that it asks is refused.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { freePort } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { Kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import { checkout, FLEET_CHART, makeNamespace, OPERATOR_CHART, OPERATOR_NAMESPACE } from '../support/world.ts'

const OPERATOR = 'fractal-lba-operator'
const FLEET = 'fractal-lba'
const NAMESPACE = 'fleet'
const ACCOUNT = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR}`
const PATIENCE_MS = 60_000
/** At which the operator holds a StatefulSet whose updates it steps. */
const HELD = 1_000_000

interface AuditEvent {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string }
  readonly responseStatus?: { readonly code: number }
}

describe.each([
  ['cluster-wide', []],
  ['without any ClusterRole', [`watchNamespaces={${NAMESPACE}}`, 'rbac.clusterWide=false']],
] as const)('the operator as its chart installs it, %s', (mode, settings) => {
  const folder = mkdtempSync(join(tmpdir(), 'flk-rights-'))
  let controlPlane: ControlPlane
  let kubectl: Kubectl
  let operator: ChildProcess
  let log = ''
  const ports: Record<string, number> = {}

  beforeAll(async () => {
    controlPlane = await startControlPlane({ controllerManager: true })
    kubectl = new Kubectl(controlPlane.kubeconfig)
    for (const namespace of [NAMESPACE, OPERATOR_NAMESPACE]) await makeNamespace(kubectl, namespace)
    const set = settings.flatMap((setting) => ['--set', setting])
    await kubectl.helm(['install', OPERATOR, OPERATOR_CHART, '-n', OPERATOR_NAMESPACE, ...set])
    await kubectl.helm(['install', FLEET, FLEET_CHART, '-n', NAMESPACE, '--set', 'shards.bundled.enabled=true'])
    operator = await startAsInstalled()
  })
  afterAll(async () => {
    operator?.kill('SIGKILL')
    await controlPlane?.stop()
    rmSync(folder, { recursive: true })
  })

  const tokenOf = async (account: string, namespace: string) =>
    (await kubectl.run(['create', 'token', account, '-n', namespace])).trim()

  /** On this machine instead of in a pod; all else is the chart's. */
  async function startAsInstalled(): Promise<ChildProcess> {
    const deployment = await kubectl.get('deployments', OPERATOR_NAMESPACE, OPERATOR)
    const { template } = deployment.spec as { template: { spec: { containers: { args: string[] }[] } } }
    const args: string[] = []
    for (const arg of template.spec.containers[0]!.args) {
      const port = /^--(health|metrics)-port=/.exec(arg)?.[1]
      const [flag, pem] = /^(--metrics-(?:cert|key))=.*\/(tls\..*)$/.exec(arg)?.slice(1) ?? []
      if (port !== undefined) {
        ports[port] = await freePort()
        args.push(`--${port}-port=${ports[port]}`)
      } else if (flag !== undefined && pem !== undefined) {
        const { data } = await kubectl.get('secrets', OPERATOR_NAMESPACE, `${OPERATOR}-metrics-tls`)
        writeFileSync(join(folder, pem), Buffer.from(data?.[pem] ?? '', 'base64'))
        args.push(`${flag}=${join(folder, pem)}`)
      } else args.push(arg)
    }
    const kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, await kubeconfigOf(OPERATOR, OPERATOR_NAMESPACE), { mode: 0o600 })
    const child = spawn(process.execPath, [join(checkout, 'operator/src/main.ts'), ...args], {
      env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig, POD_NAME: `${OPERATOR}-0` },
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-20_000)
    })
    return child
  }

  async function kubeconfigOf(account: string, namespace: string): Promise<string> {
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: controlPlane.url, 'certificate-authority': controlPlane.caFile } }],
      users: [{ name: account, user: { token: await tokenOf(account, namespace) } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: account, namespace } }],
      'current-context': 'test',
    })
  }

  it('is ready, and leads', async () => {
    await until('readyz', PATIENCE_MS, async () => {
      if (operator.exitCode !== null) throw new Error(`it ended with ${operator.exitCode}: ${log}`)
      const answer = await fetch(`http://127.0.0.1:${ports.health}/readyz`)
      return answer.ok ? answer : `${answer.status}: ${await answer.text()}`
    })
    await until('the lease', PATIENCE_MS, async () => {
      const { spec } = await kubectl.get('leases', OPERATOR_NAMESPACE, OPERATOR)
      return String(spec?.holderIdentity).startsWith(`${OPERATOR}-0`) ? { spec } : JSON.stringify(spec)
    })
  })

  it("holds the fleet's partition, and takes a migration up with status and finalizer", async () => {
    await kubectl.apply({
      apiVersion: 'fractal.lba.io/v1',
      kind: 'ShardMigration',
      metadata: { name: 'example', namespace: NAMESPACE },
      spec: {
        dedupBackend: 'redis',
        sourceShards: [`redis://${FLEET}-shard-0.${NAMESPACE}.svc:6379`],
        targetShards: [`redis://${FLEET}-shard-0.${NAMESPACE}.svc:6379`, `redis://${FLEET}-shard-1.${NAMESPACE}.svc:6379`],
      },
    })
    await until('partition, status and finalizer', PATIENCE_MS, async () => {
      const fleet = await kubectl.get('statefulsets', NAMESPACE, FLEET)
      const strategy = fleet.spec?.updateStrategy as { rollingUpdate?: { partition?: number } } | undefined
      const migration = await kubectl.get('shardmigrations', NAMESPACE, 'example')
      const seen = {
        partition: strategy?.rollingUpdate?.partition,
        phase: migration.status?.phase,
        finalizers: migration.metadata.finalizers,
      }
      const done = seen.partition === HELD && seen.phase !== undefined && seen.finalizers?.includes('fractal.lba.io/finalizer')
      return done ? seen : `${JSON.stringify(seen)} ${log.slice(-500)}`
    })
  })

  if (mode === 'cluster-wide') {
    it('shows its metrics to those whom the API server lets see them', async () => {
      await kubectl.run(['create', 'serviceaccount', 'prometheus', '-n', OPERATOR_NAMESPACE])
      const scrape = async (token: string | undefined): Promise<number> => {
        const { promise, resolve, reject } = Promise.withResolvers<number>()
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
        request(`https://127.0.0.1:${ports.metrics}/metrics`, { headers, rejectUnauthorized: false }, (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
          .on('error', reject)
          .end()
        return promise
      }
      expect(await scrape(undefined)).toBe(401)
      expect(await scrape(await tokenOf('prometheus', OPERATOR_NAMESPACE))).toBe(403)
      await kubectl.run([
        ...['create', 'clusterrolebinding', 'prometheus', `--clusterrole=${OPERATOR}-metrics-reader`],
        `--serviceaccount=${OPERATOR_NAMESPACE}:prometheus`,
      ])
      // Answers are kept for a while under the token that they are about; a new token is asked about anew.
      await until('metrics', PATIENCE_MS, async () => {
        const status = await scrape(await tokenOf('prometheus', OPERATOR_NAMESPACE))
        return status === 200 ? { status } : String(status)
      })
    })
  } else {
    it('serves no metrics, since it could not ask who asks', () => expect(Object.keys(ports)).toEqual(['health']))
  }

  it('ends at a safe point, having been refused nothing', async () => {
    const ended = once(operator, 'exit')
    operator.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    const asked = readFileSync(controlPlane.auditLog, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(({ user }) => user.username === ACCOUNT)
    expect(asked.length).toBeGreaterThan(10)
    const refused = asked.filter(({ responseStatus }) => responseStatus?.code === 403)
    expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([])
  })
})
