/** Calls to the admin port of a real pod, and to ports that are not well. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { NO_POLICIES } from '@fractal-lba/protocol/config/policies'
import { hasOpenssl, TestCertificates } from '@fractal-lba/servers/certificates'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Child, startChild } from '../testing/child.ts'
import type { AdminTls } from './admin-call.ts'
import { pushPolicies, readReport } from './pod-client.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const POD_MAIN = fileURLToPath(new URL('../../../backend/src/main.ts', import.meta.url))
const TOKEN = 'test-admin-token'
const SERVER_NAME = 'pod-0.fleet-pods.here.svc'
if (!hasOpenssl) console.warn('skipped: calls over TLS need the openssl command to make certificates')

describe.skipIf(!hasOpenssl)('the admin port of a pod over TLS', () => {
  const certificates = new TestCertificates('DNS:*.fleet-pods.here.svc')
  const file = (name: string): string => certificates.file(name)
  const pem = (name: string): string => certificates.pem(name)
  let pod: Child<{ adminPort: number }>
  let tls: AdminTls

  beforeAll(async () => {
    certificates.make('ca')
    certificates.make('fleet', 'ca')
    certificates.make('stranger')
    tls = { ca: pem('ca.crt'), cert: pem('fleet.crt'), key: pem('fleet.key'), serverName: SERVER_NAME }
    pod = await startChild(POD_MAIN, [], {
      ...{ PORT: '0', FLK_HOST: '127.0.0.1', FLK_ADMIN_PORT: '0', FLK_ADMIN_TOKEN: TOKEN, FLK_EXAMINE_THREADS: '0' },
      ...{ FLK_POD_NAME: 'pod-0', WAL_DIR: file('wal'), FLK_LOG_LEVEL: 'warn' },
      ...{ FLK_ADMIN_TLS_CERT_FILE: file('fleet.crt'), FLK_ADMIN_TLS_KEY_FILE: file('fleet.key') },
      FLK_ADMIN_TLS_CLIENT_CA_FILE: file('ca.crt'),
    })
  })
  afterAll(async () => {
    await pod?.end('SIGKILL')
    certificates.remove()
  })

  const address = (change: Partial<AdminTls> = {}) => ({
    name: 'pod-0',
    adminURL: `https://127.0.0.1:${pod.ready.adminPort}`,
    tls: { ...tls, ...change },
  })

  it('answers, whatever address it is called by, where both show a certificate of the fleet', async () => {
    expect(await readReport(address(), TOKEN, 5000)).toMatchObject({ pod: 'pod-0', report: { ready: true } })
    expect(await pushPolicies(address(), TOKEN, NO_POLICIES, 5000)).toEqual({ pod: 'pod-0', kind: 'applied' })
  })

  it('is not believed under another name, nor with a certificate of somebody else, and does not believe a stranger', async () => {
    const stranger = { cert: pem('stranger.crt'), key: pem('stranger.key') }
    for (const change of [{ serverName: 'pod-0.other.svc' }, { ca: pem('stranger.crt') }, stranger]) {
      const { report, error } = await readReport(address(change), TOKEN, 5000)
      expect(report).toBeUndefined()
      expect(error).toMatch(/ERR_TLS|CERT|SIGNED|ALERT|ECONNRESET/)
    }
  })
})

/** The same port for each start. */
const portOf = { kept: 0 }

describe('an admin port that is not well', () => {
  it.each([
    ['does not answer', () => {}, 'no answer within 200 ms'],
    ['says no', (response: ServerResponse) => response.writeHead(401).end(), 'its admin port answered 401'],
    [
      'sends the token elsewhere',
      (response: ServerResponse) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      'its admin port answered 307',
    ],
    [
      'never stops',
      (response: ServerResponse) => {
        const more = (): boolean => response.destroyed || (response.write('x'.repeat(65_536)) && more())
        response.on('drain', more)
        more()
      },
      'its answer is longer than 4194304 bytes',
    ],
    ['answers no report', (response: ServerResponse) => response.end('{}'), 'its report is not usable: the document'],
  ] as const)('%s: the reading says so', async (_what, behave, says) => {
    const server = createServer((_request, response) => void behave(response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const adminURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const timeoutMs = says.includes('200 ms') ? 200 : 10_000
      const { report, error } = await readReport({ name: 'pod-0', adminURL }, TOKEN, timeoutMs)
      expect(report).toBeUndefined()
      expect(error).toContain(says)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('that is closed is told by its error', async () => {
    expect(await readReport({ name: 'pod-0', adminURL: 'http://127.0.0.1:1' }, TOKEN, 1000)).toEqual({
      pod: 'pod-0',
      report: undefined,
      error: 'ECONNREFUSED',
    })
  })

  it('that was restarted is met over a new connection', async () => {
    for (let start = 0; start < 3; start++) {
      const server = createServer((_request, response) => response.writeHead(200 + start).end())
      server.listen(portOf.kept, '127.0.0.1')
      await once(server, 'listening')
      portOf.kept = (server.address() as AddressInfo).port
      const { error } = await readReport({ name: 'pod-0', adminURL: `http://127.0.0.1:${portOf.kept}` }, TOKEN, 5000)
      expect(error).toMatch(start === 0 ? /JSON/ : new RegExp(`answered ${200 + start}`))
      // Without a word to the other side, as a killed process does.
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})
