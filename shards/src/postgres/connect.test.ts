import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { parseShardAddress } from '../address.ts'
import { ShardUnavailable } from '../port.ts'
import { PostgresPool } from './connect.ts'

/** A message of the PostgreSQL protocol: type, length, body. */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.from(`${type}0000`)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

it('outlives a server that goes down in the very packet that ends the handshake', async () => {
  const authenticated = message('R', Buffer.alloc(4))
  const ready = message('Z', Buffer.from('I'))
  const goesDown = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'))
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, goesDown])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const address = parseShardAddress(`postgres://user@127.0.0.1:${port}/shard`)
  const pool = new PostgresPool(address, { connections: 1, statementTimeoutMs: 1000 })
  const uncaught: unknown[] = []
  const note = (error: unknown) => uncaught.push(error)
  process.on('uncaughtException', note)
  await expect(pool.use(Date.now() + 5000, (client) => client.query('select 1'))).rejects.toThrow(ShardUnavailable)
  process.off('uncaughtException', note)
  expect(uncaught).toEqual([])
  await pool.close()
  server.close()
})
