import { expect, it } from 'vitest'
import { body, TEST_KEY } from '../testing/summaries.ts'
import { Authenticator } from '../verify/authenticate.ts'
import { examine } from './examine.ts'
import { decodeExhibits, decodeFindings, encodeExhibits, encodeFindings } from './examine-frames.ts'
import type { Exhibit } from './examiner.ts'

const TENANTS = [{ id: 'a', keys: [{ algorithm: 'hmac', secret: TEST_KEY }] }] as const
const authenticator = new Authenticator(TENANTS)

const exhibit = (tenant: string, text: string, offset: number): Exhibit => ({
  tenant,
  body: Buffer.from(text),
  receivedAtMs: 1_700_000_000_123.5,
  position: { segment: 4_000_000_000, offset },
})

const BATCH = [
  exhibit('a', body(1), 0),
  exhibit('a', body(2, { budget: 0.9 }), 4_294_967_295),
  exhibit('a', '', 1),
  exhibit('a', '{"not": "a summary ★"}', 2),
  exhibit('a', body(3).replace(/"sig":"./, '"sig":"x'), 3),
  exhibit('nobody', body(4), 4),
  exhibit('a', 'x'.repeat(70_000), 5),
]

it('brings exhibits to a thread as they are', () => {
  const there = decodeExhibits(
    encodeExhibits(BATCH, (tenant) => (tenant === 'a' ? 0 : 99)),
    ['a'],
  )
  expect(there).toEqual(BATCH.map((one) => ({ ...one, tenant: one.tenant === 'a' ? 'a' : '' })))
})

it('brings findings back as they are', () => {
  const whole = { ...exhibit('a', body(1), 0), receivedAtMs: 1_700_000_000_123 }
  const findings = [...BATCH, whole].map((one) => examine({ ...one, receivedAtMs: whole.receivedAtMs }, 'pod', authenticator))
  expect(findings.map((finding) => (finding.kind === 'claim' ? finding.status : finding.code))).toEqual([
    200,
    202,
    'malformed_body',
    'malformed_body',
    'bad_signature',
    'unknown_tenant',
    'body_too_large',
    200,
  ])
  expect(decodeFindings(encodeFindings(findings))).toEqual(findings)
})
