/** The server dies, stalls, or its answers are lost: what was acknowledged stays, and a repeat meets the same decision. */
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { parseShardAddress, type ShardAddress } from '../address.ts'
import { openShardData } from '../open.ts'
import { type Put, type PutOutcome, ShardUnavailable } from '../port.ts'
import {
  type Bed,
  closeShard,
  copy,
  drain,
  M1,
  openPair,
  openShard,
  prepare,
  putAll,
  putIn,
  putOne,
  putsIn,
  slot,
  soon,
} from './bed.ts'

/** A proxy before a shard that can swallow what the server answers. */
async function proxyOf(
  address: ShardAddress,
): Promise<{ address: ShardAddress; swallow(on: boolean): void; cut(): void; close(): void }> {
  const target = new URL(address.url)
  const sockets = new Set<Socket>()
  let swallowing = false
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    }
    client.on('data', (data) => upstream.write(data)).on('close', () => upstream.destroy())
    upstream.on('data', (data) => swallowing || client.write(data)).on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const listening = server.address()
  const url = new URL(address.url)
  url.port = String(typeof listening === 'object' && listening ? listening.port : 0)
  return {
    address: parseShardAddress(url.href),
    swallow: (on) => {
      swallowing = on
    },
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Repeats a put until the shard answers. */
async function insist(
  put: (puts: readonly Put[], deadlineMs: number) => Promise<{ outcomes: readonly PutOutcome[] }>,
  puts: readonly Put[],
): Promise<readonly PutOutcome[]> {
  for (const until = Date.now() + 20_000; ; ) {
    try {
      return (await put(puts, Date.now() + 1000)).outcomes
    } catch (error) {
      if (!(error instanceof ShardUnavailable) || Date.now() > until) throw error
      await pause(20)
    }
  }
}

/** `server`: the process of all shards of the bed. */
export function describeFaults(bed: Bed, server: { kill(): Promise<void>; restart(): Promise<void> }): void {
  describe(`${bed.kind}: faults`, () => {
    it('answers a repeated put, whose first reply was lost, with its own record', async () => {
      const pair = await openPair(bed)
      const proxy = await proxyOf(pair.source.address)
      const data = openShardData(proxy.address)
      await data.put([putIn(slot(1))], soon())
      const put = putIn(slot(1), { record: 'origin 7' })
      proxy.swallow(true)
      await expect(data.put([put], Date.now() + 300)).rejects.toThrow(ShardUnavailable)
      proxy.swallow(false)
      proxy.cut()
      expect(await insist(data.put.bind(data), [put])).toEqual([{ kind: 'exists', record: Buffer.from('origin 7') }])
      await data.close()
      proxy.close()
      await pair.close()
    })

    it('gives an answer by the deadline when the shard is silent, and takes no more calls than it can hold', async () => {
      const silent = createServer(() => undefined)
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      const listening = silent.address()
      const port = typeof listening === 'object' && listening ? listening.port : 0
      const data = openShardData(
        parseShardAddress(bed.kind === 'redis' ? `redis://:hush@127.0.0.1:${port}` : `postgres://u:hush@127.0.0.1:${port}/d`),
      )
      const from = Date.now()
      const failures = await Promise.allSettled(Array.from({ length: 20 }, () => data.put([putIn(slot(1))], Date.now() + 250)))
      expect(Date.now() - from).toBeLessThan(2000)
      for (const failure of failures) {
        expect(failure).toMatchObject({ status: 'rejected', reason: expect.any(ShardUnavailable) })
        if (failure.status === 'rejected') expect(String(failure.reason)).not.toContain('hush')
      }
      await data.close()
      silent.close()
    })

    it('says that a shard is down, never with its credentials', async () => {
      const url = bed.kind === 'redis' ? 'redis://:secret@127.0.0.1:1' : 'postgres://someone:secret@127.0.0.1:1/d'
      const data = openShardData(parseShardAddress(url))
      const error = await data.ping(Date.now() + 200).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(ShardUnavailable)
      expect(String(error)).toMatch(/127\.0\.0\.1:1/)
      expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toMatch(/secret|someone/)
      await data.close()
    })

    it('keeps every acknowledged put and every change of ownership when it is killed, and goes on by itself', async () => {
      const pair = await openPair(bed)
      const slots = [slot(1), slot(2)]
      await putAll(pair.source, putsIn(slots, 20))
      await prepare(pair, M1, slots)
      await pair.source.control.release(M1, [slot(1)], pair.target.control.id)
      const acknowledged: Put[] = []
      const answers: PutOutcome[] = []
      let stop = false
      const writers = Array.from({ length: 4 }, async () => {
        while (!stop) {
          const puts = putsIn([slot(2), slot(3)], 5)
          answers.push(...(await insist(pair.source.data.put.bind(pair.source.data), puts)))
          acknowledged.push(...puts)
        }
      })
      while (acknowledged.length < 50) await pause(5)
      await server.kill()
      const written = acknowledged.length
      await server.restart()
      while (acknowledged.length < written + 50) await pause(5)
      stop = true
      await Promise.all(writers)
      expect(answers.filter(({ kind }) => kind === 'not-owner')).toEqual([])
      expect((await putAll(pair.source, acknowledged)).filter(({ kind }) => kind !== 'exists')).toEqual([])
      expect(await putOne(pair.source, putIn(slot(1)))).toMatchObject({ kind: 'not-owner', generation: 2 })
      await drain(pair.source, pair.target, M1, slots)
      const [moved, kept] = await Promise.all(
        [pair.source, pair.target].map(({ control }) =>
          control.digest(slots, { aliveAtMs: Date.now() + 1e8, withoutCaptured: undefined }),
        ),
      )
      expect(moved).toEqual(kept)
      await pair.close()
    })

    it('goes on with a copy inside a large slot after it was killed, and misses no key', async () => {
      const pair = await openPair(bed)
      const large = [slot(4)]
      await putAll(pair.source, putsIn(large, 1200))
      await pair.source.control.startCapture(M1, large, pair.target.control.id)
      await pair.target.control.beginImport(M1, large, pair.source.control.id)
      const first = await pair.source.control.exportFrom({ slots: large, within: undefined }, 150)
      await pair.target.control.apply(M1, first.batch)
      await server.kill()
      await server.restart()
      for (let next = first.next; next; ) {
        const step = await pair.source.control.exportFrom(next, 150)
        await pair.target.control.apply(M1, step.batch)
        next = step.next
      }
      expect(await pair.target.control.measure(large)).toMatchObject({ keys: 1200 })
      await copy(pair, M1, large)
      await pair.close()
    })

    it('warns of a server that may forget', async () => {
      const shard = await openShard(bed)
      expect((await shard.control.describe()).warnings).toEqual([])
      await closeShard(shard)
    })
  })
}
