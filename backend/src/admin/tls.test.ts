import { once } from 'node:events'
import { copyFile, rename, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { hasOpenssl, TestCertificates } from '@fractal-lba/servers/certificates'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ADMIN_TOKEN, type PodProcess, podEnvironment, startPodProcess } from '../testing/pod-process.ts'
import { ReloadedTls, readTls } from './tls.ts'

if (!hasOpenssl) console.warn('skipped: tests of the TLS admin port need the openssl command to make certificates')

const certificates = new TestCertificates('DNS:localhost,IP:127.0.0.1')
const file = (name: string): string => certificates.file(name)
const pem = (name: string): string => certificates.pem(name)

interface Asked {
  readonly status: number | undefined
  readonly server: string
}

function ask(port: number, options: { cert?: string; key?: string; token?: string }): Promise<Asked> {
  const { token, ...client } = options
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const sent = request({
      port,
      host: '127.0.0.1',
      path: '/admin/v1/report',
      ca: pem('ca.crt'),
      agent: false,
      headers,
      ...client,
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      const server = String((response.socket as TLSSocket).getPeerCertificate().subject.CN)
      response.resume().on('end', () => resolve({ status: response.statusCode, server }))
    })
    sent.end()
  })
}

beforeAll(() => {
  if (!hasOpenssl) return
  certificates.make('ca')
  for (const name of ['server', 'next', 'client']) certificates.make(name, 'ca')
  certificates.make('stranger')
})
afterAll(() => certificates.remove())

describe.skipIf(!hasOpenssl)('an admin port with TLS', () => {
  let pod: PodProcess
  let port: number
  beforeAll(async () => {
    const env = podEnvironment(file('wal'), {
      FLK_ADMIN_TLS_CERT_FILE: file('server.crt'),
      FLK_ADMIN_TLS_KEY_FILE: file('server.key'),
      FLK_ADMIN_TLS_CLIENT_CA_FILE: file('ca.crt'),
    })
    pod = await startPodProcess(env)
    port = Number(new URL(pod.adminUrl).port)
  })
  afterAll(() => pod.kill('SIGKILL'))

  const client = () => ({ cert: pem('client.crt'), key: pem('client.key') })

  it('answers a client that has a certificate of the CA and the token', async () => {
    expect(await ask(port, { ...client(), token: ADMIN_TOKEN })).toEqual({ status: 200, server: 'server' })
  })

  it('still needs the token', async () => {
    expect(await ask(port, client())).toMatchObject({ status: 401 })
  })

  it('refuses a client without a certificate, with one of somebody else, and one that speaks no TLS', async () => {
    await expect(ask(port, { token: ADMIN_TOKEN })).rejects.toThrow()
    await expect(ask(port, { cert: pem('stranger.crt'), key: pem('stranger.key'), token: ADMIN_TOKEN })).rejects.toThrow()
    await expect(fetch(`http://127.0.0.1:${port}/admin/v1/report`)).rejects.toThrow()
  })
})

describe.skipIf(!hasOpenssl)('certificates that are replaced while the pod runs', () => {
  it('are served from then on; a key that does not fit is said once, and changes nothing', async () => {
    const files = { certFile: file('live.crt'), keyFile: file('live.key'), clientCaFile: undefined }
    // Each file changes at once, as it does for whoever issues certificates: a half-written one would be another problem, said besides.
    const replace = async (source: string, target: string) => {
      await copyFile(source, `${target}.new`)
      await rename(`${target}.new`, target)
    }
    const put = async (cert: string, key: string) => {
      await replace(file(`${cert}.crt`), files.certFile)
      await replace(file(`${key}.key`), files.keyFile)
    }
    await put('server', 'server')
    const problems: string[] = []
    const tls = new ReloadedTls(files, await readTls(files), (error) => problems.push((error as Error).message), 10)
    const server = createServer({ ...tls.material }, (_request, response) => response.end())
    tls.keepFresh(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      expect(await ask(port, {})).toMatchObject({ server: 'server' })
      await put('next', 'server')
      await vi.waitFor(() => expect(problems).toHaveLength(1), { timeout: 10_000 })
      expect(await ask(port, {})).toMatchObject({ server: 'server' })
      await put('next', 'next')
      await vi.waitFor(async () => expect(await ask(port, {})).toMatchObject({ server: 'next' }), { timeout: 10_000 })
      expect(problems).toHaveLength(1)
    } finally {
      tls.stop()
      server.close()
    }
  })

  it('are refused at the start by the name of the file', async () => {
    await writeFile(file('empty.crt'), '')
    const files = { certFile: file('empty.crt'), keyFile: file('server.key'), clientCaFile: undefined }
    await expect(readTls(files)).rejects.toThrow(/empty\.crt \(FLK_ADMIN_TLS_CERT_FILE\) holds no PEM/)
    await expect(readTls({ ...files, certFile: file('nowhere.crt') })).rejects.toThrow(/nowhere\.crt.*ENOENT/)
  })
})
