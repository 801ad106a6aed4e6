import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { apiErrorOf } from './api-error.ts'
import { loadConnection } from './connection.ts'
import { collectionPath, objectPath } from './paths.ts'

const folder = () => mkdtemp(join(tmpdir(), 'flk-connection-'))

async function kubeconfig(user: unknown, cluster: object = {}): Promise<string> {
  const path = join(await folder(), 'config')
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/prefix', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'mine' } }],
    'current-context': 'x',
  }
  await writeFile(path, JSON.stringify(config))
  return path
}

describe('the connection', () => {
  it('is the service account in a pod, with a token that is read from its file', async () => {
    const dir = await folder()
    await writeFile(join(dir, 'ca.crt'), 'certificate')
    await writeFile(join(dir, 'token'), 'first-token\n')
    await writeFile(join(dir, 'namespace'), 'operators\n')
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
    const connection = await loadConnection({ env, serviceAccountDir: dir })
    expect([connection.server.href, connection.namespace]).toEqual(['https://[fd00::1]/', 'operators'])
    expect(await connection.authorize()).toEqual({ authorization: 'Bearer first-token' })
  })

  it.each([
    ['a token', { token: 'abc' }, { authorization: 'Bearer abc' }],
    [
      'a user and a password',
      { username: 'me', password: 'pw' },
      { authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` },
    ],
    ['a client certificate alone', { 'client-certificate-data': btoa('cert'), 'client-key-data': btoa('key') }, {}],
    ['an exec plugin', { exec: { command: 'echo', args: ['{"status":{"token":"made"}}'] } }, { authorization: 'Bearer made' }],
  ])('is the kubeconfig elsewhere, with %s', async (_, user, headers) => {
    const connection = await loadConnection({ env: { KUBECONFIG: await kubeconfig(user) } })
    expect([connection.server.href, connection.namespace]).toEqual(['https://api.example:6443/prefix', 'mine'])
    expect(await connection.authorize()).toEqual(headers)
  })

  it('names the file and what is missing in it', async () => {
    const path = await kubeconfig({ token: 'secret-token' }, { 'proxy-url': 'http://proxy' })
    await expect(loadConnection({ env: {}, kubeconfig: path })).rejects.toThrow(
      `${path}: cluster c names a proxy-url, which is not supported`,
    )
    await writeFile(path, 'contexts: []\ncurrent-context: nowhere\n')
    await expect(loadConnection({ env: {}, kubeconfig: path })).rejects.toThrow(`${path}: there is no context named "nowhere"`)
  })
})

describe('paths', () => {
  const type = { group: 'g.io', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }

  it('let no name reach another object', () => {
    expect(objectPath(type, { namespace: 'a/../b', name: '../secrets?x' }, 'status')).toBe(
      '/apis/g.io/v1/namespaces/a%2F..%2Fb/things/..%2Fsecrets%3Fx/status',
    )
    expect(collectionPath({ ...type, group: '' }, undefined)).toBe('/api/v1/things')
    expect(() => objectPath(type, { name: 'a' })).toThrow('Thing a: give its namespace')
    expect(() => objectPath(type, { namespace: '..', name: 'a' })).toThrow('Thing: ".." is no name')
  })
})

describe('an API error', () => {
  it.each([
    ['a Status', 409, { reason: 'Conflict', message: 'changed' }, undefined, 'get x: 409 Conflict: changed', undefined],
    ['a wait in seconds', 429, { message: 'slow down' }, '2', 'get x: 429 Unknown: slow down', 2_000],
    [
      'a wait in the details',
      503,
      { reason: 'Timeout', details: { retryAfterSeconds: 3 } },
      undefined,
      'get x: 503 Timeout: no message',
      3_000,
    ],
    ['a page of a proxy', 502, '<html>', 'soon', 'get x: 502 Unknown: <html>', undefined],
    [
      'an event of a stream',
      200,
      { code: 410, reason: 'Expired', message: 'old' },
      undefined,
      'get x: 410 Expired: old',
      undefined,
    ],
  ])('is made of %s', (_, status, body, retryAfter, message, retryAfterMs) => {
    expect(apiErrorOf('get x', status, body, retryAfter)).toMatchObject({ message, retryAfterMs })
  })
})
