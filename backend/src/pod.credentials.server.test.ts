import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { startPostgres } from '@fractal-lba/servers/postgres'
import { startRedis } from '@fractal-lba/servers/redis'
import type { RunningServer } from '@fractal-lba/servers/running-server'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type PodProcess, podEnvironment, startPodProcess, temporaryFolder } from './testing/pod-process.ts'
import { body } from './testing/summaries.ts'

vi.setConfig({ testTimeout: 90_000 })

const PASSWORD = 'p@ss:w/rd%41#'
const servers: RunningServer[] = []
const pods: PodProcess[] = []
const folders: string[] = []

afterAll(async () => {
  await Promise.all(pods.map((pod) => pod.kill('SIGKILL')))
  await Promise.all(servers.map((server) => server.stop()))
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
})

async function start(env: Record<string, string>): Promise<PodProcess> {
  const folder = await temporaryFolder()
  folders.push(folder)
  const pod = await startPodProcess(podEnvironment(folder, env))
  pods.push(pod)
  return pod
}

async function lockedRedis(): Promise<RunningServer> {
  const server = await startRedis()
  servers.push(server)
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$${PASSWORD.length}\r\n${PASSWORD}\r\n`)
  expect(String((await once(socket, 'data'))[0])).toBe('+OK\r\n')
  socket.destroy()
  return server
}

describe('shards whose addresses carry no credentials', () => {
  it('are met with those of the environment, in the first list and in a pushed one, and nobody gets to see them', async () => {
    const [one, two] = [await lockedRedis(), await lockedRedis()]
    const pod = await start({ DEDUP_SHARDS: one.url, FLK_SHARD_PASSWORD: PASSWORD })
    expect((await pod.submit(body(1))).status).toBe(200)
    const config = { shards: [one.url, two.url] }
    const push = { generation: 1, revision: revisionOf(config), config }
    expect(await pod.admin('PUT', '/admin/v1/config', push)).toMatchObject({ status: 200 })
    const report = await pod.admin('GET', '/admin/v1/report')
    expect(report.json).toMatchObject({
      ready: true,
      configRevision: push.revision,
      shards: [
        { id: `127.0.0.1:${one.port}`, reachable: true },
        { id: `127.0.0.1:${two.port}`, reachable: true },
      ],
    })
    expect(report.body + pod.stderr()).not.toContain(PASSWORD)
  })

  it('are met with user and password in Postgres, too', async () => {
    const server = await startPostgres()
    servers.push(server)
    const { username, password, host, pathname } = new URL(server.url)
    const plain = `postgres://${host}${pathname}`
    const pod = await start({
      DEDUP_SHARDS: plain,
      FLK_SHARD_USERNAME: decodeURIComponent(username),
      FLK_SHARD_PASSWORD: decodeURIComponent(password),
    })
    expect((await pod.submit(body(2))).status).toBe(200)
  })

  it('leave a pod unready, and say why, where the password is wrong', async () => {
    const server = await lockedRedis()
    const pod = await start({ DEDUP_SHARDS: server.url, FLK_SHARD_PASSWORD: 'not-the-password' })
    expect(await pod.get('/ready')).toMatchObject({ status: 503 })
    expect(pod.stderr()).toMatch(/it refused the credentials/)
    expect(pod.stderr()).not.toContain('not-the-password')
  })
})
