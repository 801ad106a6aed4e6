import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PodProcess, podEnvironment, runMain, startPodProcess, temporaryFolder } from './testing/pod-process.ts'
import { body, goldenBody, summary } from './testing/summaries.ts'

let walDir: string
let pod: PodProcess

beforeAll(async () => {
  walDir = await temporaryFolder()
  pod = await startPodProcess(
    podEnvironment(walDir, {
      MULTI_TENANT: 'true',
      TENANTS: 'field:hmac:testsecret,rotating:hmac:an-old-key,rotating:hmac:test-key',
      METRICS_USER: 'prom',
      METRICS_PASS: 'secret-pass',
    }),
  )
})
afterAll(async () => {
  await pod.kill('SIGKILL')
  await rm(walDir, { recursive: true })
})

const metric = async (name: string): Promise<number> => {
  const { body: text } = await pod.get('/metrics', {
    authorization: `Basic ${Buffer.from('prom:secret-pass').toString('base64')}`,
  })
  return Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1])
}

describe('a submission', () => {
  it('is accepted with 200 and the recomputed values', async () => {
    const answer = await pod.submit(body(1))
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({ accepted: true, escalated: false, reason: '', pcs_id: summary(1).pcs_id })
    expect(answer.json.recomputed_D_hat).toBeCloseTo(summary(1).D_hat, 9)
  })

  it('is escalated with 202 where its D̂, its regime or its budget is not what its counts give', async () => {
    const wrongDHat = await pod.submit(body(2, { D_hat: 2.9 }))
    expect([wrongDHat.status, wrongDHat.json]).toMatchObject([
      202,
      { accepted: false, escalated: true, reason: 'd_hat_mismatch' },
    ])
    const wrongRegime = await pod.submit(body(3, { regime: 'non_sticky' }))
    expect([wrongRegime.status, wrongRegime.json]).toMatchObject([
      202,
      { accepted: true, escalated: true, reason: 'regime_mismatch' },
    ])
    const wrongBudget = await pod.submit(body(4, { budget: 0.9 }))
    expect([wrongBudget.status, wrongBudget.json]).toMatchObject([
      202,
      { accepted: true, escalated: true, reason: 'budget_mismatch' },
    ])
  })

  it('gets the first answer again when it comes again, byte for byte, and counts as a dedup hit', async () => {
    const first = await pod.submit(body(5, { budget: 0.9 }))
    const hits = await metric('flk_dedup_hits')
    const accepted = await metric('flk_accepted')
    const again = await pod.submit(body(5, { budget: 0.9, attempt: 2 }))
    expect([again.status, again.body]).toEqual([first.status, first.body])
    expect(await metric('flk_dedup_hits')).toBe(hits + 1)
    expect(await metric('flk_accepted')).toBe(accepted)
    expect(await metric('flk_equivocations')).toBe(0)
  })

  it('gets the first answer too when it says something else under the same id, and counts as an equivocation', async () => {
    const first = await pod.submit(body(6))
    const other = await pod.submit(body(6, { D_hat: 2.9 }))
    expect([other.status, other.body]).toEqual([first.status, first.body])
    expect(await metric('flk_equivocations')).toBe(1)
  })

  it('of the field is accepted as it was signed there', async () => {
    const answer = await pod.submit(goldenBody(), { 'x-tenant-id': 'field' })
    expect([200, 202]).toContain(answer.status)
    expect(answer.json.accepted).toBe(true)
  })

  it('is decided for each tenant by itself', async () => {
    const own = await pod.submit(body(7, { budget: 0.9 }))
    const others = await pod.submit(body(7), { 'x-tenant-id': 'rotating' })
    expect([own.status, others.status]).toEqual([202, 200])
  })

  it('is refused with 401 where its signature is not the tenant’s, and changes nothing', async () => {
    for (const sig of [undefined, '', 'AAAA', `${'A'.repeat(43)}=`]) {
      const answer = await pod.submit(JSON.stringify({ ...summary(8), sig }))
      expect([answer.status, answer.json.error, answer.json.field]).toEqual([401, 'bad_signature', 'sig'])
    }
    expect((await pod.submit(body(8))).status).toBe(200)
  })

  it('is refused with 401 for a tenant that nobody configured', async () => {
    const answer = await pod.submit(body(9), { 'x-tenant-id': 'nobody' })
    expect([answer.status, answer.json.error]).toEqual([401, 'unknown_tenant'])
  })
})

describe('a malformed submission', () => {
  const text = body(100)
  const spoil = (from: string | RegExp, to: string) => {
    const spoilt = text.replace(from, to)
    if (spoilt === text) throw new Error(`nothing to spoil by ${from}`)
    return spoilt
  }
  const nested = `${'['.repeat(100)}${']'.repeat(100)}`
  const CASES: readonly (readonly [what: string, body: string | Buffer, status: number, field: string])[] = [
    ['nothing', '', 400, 'body'],
    ['not JSON', 'hello', 400, 'body'],
    ['cut off', text.slice(0, -5), 400, 'sig'],
    ['not UTF-8', Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0x2c, 0xff, 0xfe])]), 400, 'body'],
    ['a list', '[]', 400, 'body'],
    ['a duplicate key', spoil('{', '{"epoch":1,'), 400, 'epoch'],
    ['a duplicate key in disguise', spoil('{', '{"\\u0065poch":1,'), 400, 'epoch'],
    ['__proto__', spoil('{', '{"__proto__":{},'), 400, '__proto__'],
    ['an unknown field', spoil('{', '{"extra":1,'), 400, 'extra'],
    ['100 levels', spoil('{', `{"ft":{"deep":${nested}},`), 400, 'ft'],
    ['NaN', spoil(/"r":[^,]+/, '"r":NaN'), 400, 'r'],
    ['1e999', spoil(/"r":[^,]+/, '"r":1e999'), 400, 'r'],
    ['a number as a string', spoil(/"epoch":100/, '"epoch":"100"'), 400, 'epoch'],
    ['a fraction for an integer', spoil(/"epoch":100/, '"epoch":1.5'), 400, 'epoch'],
    ['a field missing', spoil(/"r":[^,]+,/, ''), 400, 'r'],
    ['null', spoil(/"r":[^,]+/, '"r":null'), 400, 'r'],
    ['an unknown version', spoil('"version":"0.1"', '"version":"9"'), 400, 'version'],
    ['an unknown schema', spoil('fractal-lba-kakeya', 'other'), 400, 'schema'],
    ['one scale', body(101, { scales: [2], N_j: { 2: 3 } }), 400, 'scales'],
    ['a count that falls', body(101, { N_j: { 2: 3, 4: 2, 8: 9, 16: 17 } }), 400, 'N_j.4'],
    ['a count missing', body(101, { N_j: { 2: 3, 4: 5, 8: 9 } }), 400, 'N_j.16'],
    ['coh★ out of range', body(101, { coh_star: 1.06 }), 400, 'coh_star'],
    ['r out of range', body(101, { r: -0.1 }), 400, 'r'],
    ['an id that is not the hash of its parts', body(101, { epoch: 77 }), 400, 'pcs_id'],
    ['a megabyte too long', text + ' '.repeat(1024 * 1024), 413, 'body'],
  ]
  it.each(CASES)('(%s) is a 4xx that names the field, and it is in the log', async (_what, bytes, status, field) => {
    const logged = await metric('flk_ingest_total')
    const answer = await pod.submit(bytes)
    expect([answer.status, answer.json.field], answer.body).toEqual([status, expect.stringContaining(field)])
    expect(answer.json.action).toBeTypeOf('string')
    expect(await metric('flk_ingest_total')).toBe(logged + 1)
  })

  it('changes nothing: the sound summary of the same id is new', async () => {
    const accepted = await metric('flk_accepted')
    expect((await pod.submit(text)).status).toBe(200)
    expect(await metric('flk_accepted')).toBe(accepted + 1)
  })

  it('is refused before it is logged where it is not even JSON by its content type', async () => {
    const answer = await pod.submit(text, { 'content-type': 'text/plain' })
    expect([answer.status, answer.json.error]).toEqual([415, 'unsupported_media_type'])
  })
})

describe('what watches the pod', () => {
  it('reads OK from /health and 200 from /ready', async () => {
    expect(await pod.get('/health')).toMatchObject({ status: 200, body: 'OK' })
    expect((await pod.get('/ready')).status).toBe(200)
  })

  it('needs the user and password for /metrics', async () => {
    expect((await pod.get('/metrics')).status).toBe(401)
    expect((await pod.get('/metrics', { authorization: `Basic ${btoa('prom:wrong-pass!')}` })).status).toBe(401)
  })

  it('finds every metric that was promised, by tenant too', async () => {
    const { body: text } = await pod.get('/metrics', { authorization: `Basic ${btoa('prom:secret-pass')}` })
    for (const name of [
      'flk_ingest_total',
      'flk_dedup_hits',
      'flk_accepted',
      'flk_escalated',
      'flk_signature_errors',
      'flk_wal_errors',
      'flk_ingest_total_by_tenant{tenant_id="field"}',
      'flk_accepted_by_tenant{tenant_id="rotating"}',
      'flk_escalated_by_tenant{tenant_id="default"}',
      'flk_quota_exceeded_by_tenant{tenant_id="field"}',
      'flk_signature_errors_by_tenant{tenant_id="field"}',
      'flk_request_duration_seconds_count',
      'flk_stage_duration_seconds_bucket{stage="decide",le="+Inf"}',
    ]) {
      expect(text).toContain(`\n${name} `)
    }
  })

  it('gets an OpenAPI description made from the routes', async () => {
    const { json } = await pod.get('/openapi.json')
    expect(json.openapi).toBe('3.0.3')
    const submit = (json.paths as Record<string, { post: { responses: object; requestBody: object } }>)['/v1/pcs/submit']?.post
    expect(Object.keys(submit?.responses ?? {})).toEqual(['200', '202', '400', '401', '408', '413', '415', '429', '500', '503'])
    expect(JSON.stringify(submit?.requestBody)).toContain('merkle_root')
  })

  it('gets a 404 that says where to look', async () => {
    expect(await pod.get('/nothing')).toMatchObject({ status: 404, json: { error: 'not_found' } })
  })
})

describe('the admin API', () => {
  it('needs its token', async () => {
    const response = await fetch(`${pod.adminUrl}/admin/v1/report`, { headers: { authorization: 'Bearer nope' } })
    expect(response.status).toBe(401)
  })

  it('reports what the pod did', async () => {
    const { json } = await pod.admin('GET', '/admin/v1/report')
    expect(json).toMatchObject({ pod: 'test-pod', ready: true, draining: false, generation: 0, shards: [] })
    const requests = json.requests as Record<string, number>
    expect(requests.accepted).toBe(await metric('flk_accepted'))
    expect((json.latency as { count: number }).count).toBeGreaterThan(0)
  })

  it('refuses a config where the store has no shards', async () => {
    const push = { generation: 1, revision: '0'.repeat(16), config: { shards: ['redis://a'] } }
    expect(await pod.admin('PUT', '/admin/v1/config', push)).toMatchObject({ status: 400, json: { error: 'invalid' } })
    expect(await pod.admin('PUT', '/admin/v1/config', { generation: 1 })).toMatchObject({ status: 400 })
  })
})

describe('the process', () => {
  it('refuses a bad environment with exit code 2 and prints nothing on stdout', async () => {
    const ended = await runMain({ PORT: 'x', PCS_SIGN_ALGO: 'hmac' })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toMatch(/did you mean PCS_SIGN_ALG\?\n.*PORT must be/)
  })

  it('lists its variables by --help', async () => {
    expect(await runMain({}, ['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('DEDUP_VNODES') })
  })
})
