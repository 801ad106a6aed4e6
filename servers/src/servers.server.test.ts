import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import type { RunningServer } from './running-server.ts'

const alive = (pid: number) => spawnSync('kill', ['-0', `${pid}`]).status === 0

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const started: RunningServer[] = []
afterAll(() => Promise.all(started.map((server) => server.stop())))

describe.each([
  ['redis', () => startRedis()],
  ['postgres', () => startPostgres({ databases: ['one', 'two'] })],
])('%s', (_name, start) => {
  it('answers once started, is gone when killed, and comes back on the same port', async () => {
    const server = await start()
    started.push(server)
    const pid = server.pid as number
    expect(await accepts(server.port)).toBe(true)
    await server.kill()
    expect({ alive: alive(pid), accepts: await accepts(server.port), pid: server.pid }).toEqual({
      alive: false,
      accepts: false,
      pid: undefined,
    })
    await server.restart()
    expect(await accepts(server.port)).toBe(true)
    expect(server.pid).not.toBe(pid)
    await server.stop()
    expect(await accepts(server.port)).toBe(false)
  })
})
