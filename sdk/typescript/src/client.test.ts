import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { goldenPcs } from '@fractal-lba/protocol/pcs/golden/golden'
import { parsePcs } from '@fractal-lba/protocol/pcs/parse'
import { describe, expect, it } from 'vitest'
import { type ClientOptions, FractalLBAClient } from './client.ts'
import { QuotaError, SignatureError, UnavailableError, UnexpectedAnswerError, ValidationError } from './errors.ts'
import { Outbox } from './outbox/outbox.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { ACCEPTED, type ScriptedPeer, scriptedPeer } from './testing/scripted-peer.ts'
import { tempDirectory } from './testing/temp-directory.ts'

const { sig: _sig, ...unsigned } = goldenPcs
const room = new URL('..', import.meta.url).pathname

function clientOf(peer: Pick<ScriptedPeer, 'url'>, options: Partial<ClientOptions> = {}): FractalLBAClient {
  return new FractalLBAClient({
    baseURL: peer.url,
    tenantID: 'tenant1',
    signingAlg: 'hmac',
    signingKey: 'testsecret',
    clock: new FakeClock(),
    random: () => 0.5,
    ...options,
  })
}
const thrown = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('submitPCS', () => {
  it('posts the signed summary with the tenant and resolves with the decision', async () => {
    await using peer = await scriptedPeer()
    const result = await clientOf(peer).submitPCS(unsigned)
    expect(result).toEqual({
      accepted: true,
      escalated: false,
      reason: '',
      recomputed_D_hat: 1.5,
      recomputed_budget: 0.25,
      pcs_id: goldenPcs.pcs_id,
    })
    const [request] = peer.requests
    expect(request).toMatchObject({
      path: '/v1/pcs/submit',
      headers: { 'x-tenant-id': 'tenant1', 'content-type': 'application/json' },
    })
    expect(parsePcs(request!.body)).toEqual({ ok: true, pcs: goldenPcs })
  })

  it('keeps a path in front of the API', async () => {
    await using peer = await scriptedPeer()
    await clientOf({ url: `${peer.url}/fleet/` }).submitPCS(unsigned)
    expect(peer.requests[0]!.path).toBe('/fleet/v1/pcs/submit')
  })

  it('resolves with a 202 too: an escalation is a decision', async () => {
    await using peer = await scriptedPeer({
      status: 202,
      body: {
        accepted: false,
        escalated: true,
        reason: 'd_hat_mismatch',
        recomputed_D_hat: 1,
        recomputed_budget: 0.5,
        pcs_id: 'x',
      },
    })
    expect(await clientOf(peer).submitPCS(unsigned)).toMatchObject({
      accepted: false,
      escalated: true,
      reason: 'd_hat_mismatch',
      pcs_id: 'x',
    })
  })

  it('uses its connections again', async () => {
    await using peer = await scriptedPeer()
    const client = clientOf(peer, { connections: 2 })
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 10 }, () => client.submitPCS(unsigned)))
    expect(peer.requests).toHaveLength(30)
    expect(peer.connections()).toBeLessThanOrEqual(2)
    client.close()
  })

  it.each([
    ['a 503', { status: 503 }],
    ['a 500', { status: 500, body: 'oops' }],
    ['a 429', { status: 429 }],
    ['a 502 of a proxy', { status: 502, body: '<html>' }],
    ['a lost answer', 'cut' as const],
  ])('tries again after %s, with the same bytes', async (_name, failure) => {
    await using peer = await scriptedPeer(failure, failure, ACCEPTED)
    const clock = new FakeClock()
    expect(await clientOf(peer, { clock }).submitPCS(unsigned)).toMatchObject({ accepted: true })
    expect(peer.requests).toHaveLength(3)
    expect(new Set(peer.requests.map((request) => request.body.toString())).size).toBe(1)
    expect(clock.sleeps).toEqual([50, 100])
  })

  it('waits at least as long as Retry-After says', async () => {
    await using peer = await scriptedPeer({ status: 503, headers: { 'retry-after': '2' } }, ACCEPTED)
    const clock = new FakeClock()
    await clientOf(peer, { clock }).submitPCS(unsigned)
    expect(clock.sleeps).toEqual([2050])
  })

  it('gives up at once when Retry-After is behind the deadline', async () => {
    await using peer = await scriptedPeer({ status: 429, headers: { 'retry-after': '3600' }, body: { message: 'quota' } })
    const error = await thrown(clientOf(peer).submitPCS(unsigned))
    expect(error).toBeInstanceOf(QuotaError)
    expect(error).toMatchObject({ status: 429, retryAfterMs: 3_600_000, pcsId: goldenPcs.pcs_id })
    expect(peer.requests).toHaveLength(1)
  })

  it('gives up when the deadline has passed, saying what happened last', async () => {
    await using peer = await scriptedPeer({ status: 503, body: { message: 'store down' } })
    const error = await thrown(clientOf(peer).submitPCS(unsigned, { deadlineMs: 1000 }))
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ message: 'gave up after 5 tries; the last: 503 store down', status: 503 })
  })

  it('gives up on a peer that is not there, and names the cause', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    server.close()
    const port = typeof address === 'object' ? address?.port : undefined
    const error = await thrown(clientOf({ url: `http://127.0.0.1:${port}` }).submitPCS(unsigned, { deadlineMs: 200 }))
    expect(error).toBeInstanceOf(UnavailableError)
    expect(error).toMatchObject({ status: undefined, cause: { code: 'ECONNREFUSED' } })
  })

  it('takes no answer in time for a failure that may pass', async () => {
    await using peer = await scriptedPeer('hang', ACCEPTED)
    expect(await clientOf(peer, { requestTimeoutMs: 50 }).submitPCS(unsigned)).toMatchObject({ accepted: true })
    expect(peer.requests).toHaveLength(2)
  })

  it.each([
    [
      { status: 400, body: { error: 'malformed_body', message: 'no', field: 'N_j.8' } },
      ValidationError,
      { field: 'N_j.8', status: 400 },
    ],
    [{ status: 413, body: '' }, ValidationError, { field: undefined, status: 413 }],
    [{ status: 401, body: { error: 'bad_signature' } }, SignatureError, { status: 401 }],
    [{ status: 404, body: 'nothing here' }, UnexpectedAnswerError, { message: 'unexpected answer 404: nothing here' }],
    [{ status: 200, body: 'hello' }, UnexpectedAnswerError, { status: 200 }],
    [{ status: 302, headers: { location: '/' } }, UnexpectedAnswerError, { status: 302 }],
  ])('does not repeat what %j has settled', async (step, type, fields) => {
    await using peer = await scriptedPeer(step)
    const error = await thrown(clientOf(peer).submitPCS(unsigned))
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ ...fields, pcsId: goldenPcs.pcs_id })
    expect(peer.requests).toHaveLength(1)
  })

  it('stops when it is told to, in a request and in a wait', async () => {
    await using peer = await scriptedPeer('hang')
    const controller = new AbortController()
    const submitted = thrown(clientOf(peer).submitPCS(unsigned, { signal: controller.signal }))
    await peer.nextRequest()
    controller.abort(new Error('enough'))
    expect(await submitted).toMatchObject({ message: 'enough' })
    expect(await thrown(clientOf(peer).submitPCS(unsigned, { signal: controller.signal }))).toMatchObject({ message: 'enough' })

    peer.script({ status: 503, headers: { 'retry-after': '20' } })
    const waiting = new AbortController()
    const client = new FractalLBAClient({ baseURL: peer.url })
    const inWait = thrown(client.submitPCS(goldenPcs, { signal: waiting.signal }))
    await peer.nextRequest()
    waiting.abort(new Error('enough'))
    expect(await inWait).toMatchObject({ message: 'enough' })
  })

  it.each(['ftp://x', 'localhost:8080', ''])('refuses the base URL "%s"', (baseURL) => {
    expect(() => new FractalLBAClient({ baseURL })).toThrowError(/baseURL must be/)
  })
})

describe('with an outbox', () => {
  const openOutbox = (directory: string) => Outbox.open(join(directory, 'outbox.wal'))

  it('has the summary on disk before the verifier sees it, and settles it with the answer', async () => {
    const directory = tempDirectory()
    await using peer = await scriptedPeer('hang', ACCEPTED)
    const outbox = await openOutbox(directory)
    const submitted = clientOf(peer, { outbox, requestTimeoutMs: 100 }).submitPCS(unsigned)
    await peer.nextRequest()
    expect(readFileSync(join(directory, 'outbox.wal')).includes(peer.requests[0]!.body)).toBe(true)
    await submitted
    expect(outbox.pending).toEqual([])
    expect(JSON.parse(peer.requests[0]!.body.toString())).toMatchObject({ ft: { outbox_seq: 1 } })
    await outbox.close()
  })

  it.each([
    ['a 400 leaves it', { status: 400 }, 0],
    ['a 401 stays in it', { status: 401 }, 1],
    ['a 503 stays in it', { status: 503, headers: { 'retry-after': '999' } }, 1],
  ])('%s', async (_name, step, waiting) => {
    await using peer = await scriptedPeer(step)
    const outbox = await openOutbox(tempDirectory())
    await thrown(clientOf(peer, { outbox }).submitPCS(unsigned))
    expect(outbox.pending).toHaveLength(waiting)
    await outbox.close()
  })

  it('drains oldest first, passes over what is refused, and stops when nobody answers', async () => {
    await using peer = await scriptedPeer({ status: 503, headers: { 'retry-after': '999' } })
    const outbox = await openOutbox(tempDirectory())
    const client = clientOf(peer, { outbox })
    for (let epoch = 1; epoch <= 4; epoch++) await thrown(client.submitPCS({ ...unsigned, epoch }))
    peer.script(ACCEPTED, { status: 401 }, { status: 400 }, { status: 503, headers: { 'retry-after': '999' } })
    expect(await client.drain()).toMatchObject({
      delivered: [{ accepted: true }],
      refused: [{ seq: 2 }, { seq: 3 }],
      remaining: 2,
    })
    peer.script(ACCEPTED)
    expect(await client.drain()).toMatchObject({ delivered: [{ accepted: true }, { accepted: true }], refused: [], remaining: 0 })
    await outbox.close()
  })

  it('does not drain what is being submitted', async () => {
    await using peer = await scriptedPeer('hang', ACCEPTED)
    const outbox = await openOutbox(tempDirectory())
    const client = clientOf(peer, { outbox, requestTimeoutMs: 300 })
    const submitted = client.submitPCS(unsigned)
    await peer.nextRequest()
    expect(await client.drain()).toEqual({ delivered: [], refused: [], remaining: 1 })
    await submitted
    await outbox.close()
  })

  it('sends the same bytes again after the agent was killed while it waited for an answer', async () => {
    const directory = tempDirectory()
    await using peer = await scriptedPeer('hang')
    const agent = `
      import { FractalLBAClient, Outbox } from '@fractal-lba/client'
      const outbox = await Outbox.open(${JSON.stringify(join(directory, 'outbox.wal'))})
      const client = new FractalLBAClient({ baseURL: ${JSON.stringify(peer.url)}, signingAlg: 'hmac', signingKey: 'testsecret', outbox })
      await client.submitPCS(${JSON.stringify(unsigned)})
    `
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', agent], { cwd: room, stdio: 'inherit' })
    await peer.nextRequest()
    child.kill('SIGKILL')
    await once(child, 'exit')
    peer.script(ACCEPTED)
    const outbox = await openOutbox(directory)
    expect(await clientOf(peer, { outbox }).drain()).toMatchObject({ delivered: [{ accepted: true }], remaining: 0 })
    expect(peer.requests).toHaveLength(2)
    expect(peer.requests[1]!.body).toEqual(peer.requests[0]!.body)
    await outbox.close()
  })
})

describe('the example of the README', () => {
  it('runs as it stands there', async () => {
    await using peer = await scriptedPeer()
    const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(room, 'README.md'), 'utf8'))![1]!
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', example], {
      cwd: room,
      env: { ...process.env, ENDPOINT: peer.url, OUTBOX: join(tempDirectory(), 'outbox.wal') },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect(printed).toMatch(/^accepted: true/)
    expect(parsePcs(peer.requests[0]!.body)).toMatchObject({ ok: true })
  })
})
