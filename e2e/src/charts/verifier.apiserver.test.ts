/**
 * A verifier's own process with the environment and the files that its chart gives it, and a real Redis: what the chart says is what the
 * process understands, and the first desired config, whose revision Helm computes, is one that it accepts.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { checkout, FLEET_CHART } from '../support/world.ts'
import { type Rendered, render } from './render.ts'

const PATIENCE_MS = 30_000
const TOKEN = 'token-of-the-admin-port'
/** What the Secrets that the values name hold. */
const SECRETS: Readonly<Record<string, string>> = {
  'f-fractal-lba-admin/token': TOKEN,
  'admin/token': TOKEN,
  'keys/hmac-key': 'hmac-key-of-the-default-tenant',
  'keys/tenants': 'alpha:hmac:key-of-tenant-alpha',
  'basic/user': 'prometheus',
  'basic/password': 'secret-of-prometheus',
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean }
    readonly configMapKeyRef?: { readonly name: string; readonly key: string }
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

let redis: RunningServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.stop())

/** Environment of the container, with each path inside the pod moved below a folder. */
function environmentOf(objects: readonly Rendered[], folder: string): Record<string, string> {
  const pod = objects.find(({ kind }) => kind === 'StatefulSet')!.spec!.template!.spec as unknown as {
    containers: readonly { env: readonly Variable[] }[]
  }
  const data = dataOf(objects)
  const env: Record<string, string> = {}
  for (const { name, value, valueFrom } of pod.containers[0]!.env) {
    const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom ?? {}
    const text =
      value ??
      (secretKeyRef && SECRETS[`${secretKeyRef.name}/${secretKeyRef.key}`]) ??
      (configMapKeyRef && data[configMapKeyRef.key]) ??
      (fieldRef && 'f-fractal-lba-0')
    if (text === undefined && !secretKeyRef?.optional) throw new Error(`the chart takes ${name} from where nothing is`)
    if (text !== undefined) env[name] = /^\/(etc|var)\//.test(text) ? join(folder, text) : text
  }
  return { ...env, PORT: '0', FLK_ADMIN_PORT: '0', FLK_HOST: '127.0.0.1' }
}

const dataOf = (objects: readonly Rendered[]): Record<string, string> =>
  (objects.find(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> }).data

function writeBelow(folder: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
}

describe.each([
  ['by default', []],
  [
    'with everything on',
    [
      'admin.existingSecret=admin',
      'signing.algorithm=hmac',
      'signing.existingSecret=keys',
      'multiTenant.enabled=true',
      'multiTenant.existingSecret=keys',
      'metrics.existingSecret=basic',
      'tls.enabled=true',
      'tls.secretName=admin-tls',
      'tokenRate=0',
      'extraEnv[0].name=TZ',
      'extraEnv[0].value=UTC',
    ],
  ],
] as const)('a verifier as its chart starts it, %s', (mode, settings) => {
  const folder = mkdtempSync(join(tmpdir(), 'flk-verifier-'))
  const tls = mode === 'with everything on'
  let verifier: ChildProcess
  let ports: { port: number; adminPort: number }
  let objects: Rendered[]

  beforeAll(async () => {
    objects = await render('f', FLEET_CHART, 'fleet', [`shards.addresses={${redis.url}}`, ...settings])
    writeBelow(folder, 'etc/fractal-lba/config/fleet-config.json', dataOf(objects)['fleet-config.json']!)
    if (tls) {
      const at = (name: string) => join(folder, 'etc/fractal-lba/tls', name)
      mkdirSync(at(''), { recursive: true })
      const subject = ['-subj', '/CN=f', '-addext', 'subjectAltName=DNS:f-fractal-lba-pods.fleet.svc']
      const files = ['-keyout', at('tls.key'), '-out', at('tls.crt')]
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
        stdio: 'ignore',
      })
      writeFileSync(at('ca.crt'), readFileSync(at('tls.crt')))
    }
    const env = { PATH: process.env.PATH, ...environmentOf(objects, folder) }
    verifier = spawn(process.execPath, [join(checkout, 'backend/src/main.ts')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const line = await Promise.race([
      once(createInterface({ input: verifier.stdout! }), 'line'),
      once(verifier, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
    ])
    ports = JSON.parse(line[0] as string)
  })
  afterAll(() => {
    verifier?.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  it('becomes ready', async () => {
    await until('ready', PATIENCE_MS, async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.port}/ready`)
      return answer.ok ? answer : answer.text()
    })
    expect((await fetch(`http://127.0.0.1:${ports.port}/metrics`)).status).toBe(tls ? 401 : 200)
  })

  it('runs the config that Helm wrote, and says so to whom has the token', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const read = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${TOKEN}` }
      const path = '/admin/v1/report'
      if (!tls) return (await fetch(`http://127.0.0.1:${ports.adminPort}${path}`, { headers })).text()
      const pem = (name: string) => readFileSync(join(folder, 'etc/fractal-lba/tls', name))
      // The name is the one that the chart's annotation gives to the operator.
      const { annotations } = objects.find(({ kind }) => kind === 'StatefulSet')!.metadata as unknown as {
        annotations: Record<string, string>
      }
      const servername = annotations['fractal.lba.io/admin-tls-server-name']!
      const identity = { ca: pem('ca.crt'), cert: pem('tls.crt'), key: pem('tls.key'), servername }
      request({ host: '127.0.0.1', port: ports.adminPort, path, headers, ...identity }, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve(text))
      })
        .on('error', reject)
        .end()
      return promise
    }
    const report = JSON.parse(await read()) as { pod: string }
    const desired = JSON.parse(dataOf(objects)['fleet-config.json']!) as { revision: string }
    expect(report.pod).toBe('f-fractal-lba-0')
    expect(JSON.stringify(report)).toContain(desired.revision)
  })

  it('ends when it is told to', async () => {
    const ended = once(verifier, 'exit')
    verifier.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })
})
