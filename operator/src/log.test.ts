import { expect, it } from 'vitest'
import { makeLog, redact } from './log.ts'
import { ApiError } from './runtime/client/api-error.ts'

it('credentials never reach the log', () => {
  const lines: string[] = []
  const log = makeLog(
    (line) => lines.push(line),
    () => 0,
  )
  log.info('connecting to redis://:s3cret@host:6379/1 and postgres://u:s3cret@db/dedup')
  log.error('failed', new Error('Authorization: Bearer s3cret was refused'))
  expect(lines.join('')).not.toContain('s3cret')
  expect(redact('redis://:p@h:1/2')).toBe('redis://***@h:1/2')
})

it('says where in the code an error came from that nobody expected, and what the API server refused in one line', () => {
  const lines: string[] = []
  const log = makeLog(
    (line) => lines.push(line),
    () => 0,
  )
  log.error('reconciling', new TypeError('no such thing'))
  log.error('writing', new ApiError('POST /api', 403, 'Forbidden', 'the namespace is being terminated'))
  expect(JSON.parse(lines[0] ?? '').error).toMatch(/^TypeError: no such thing\n +at .*log\.test\.ts/)
  expect(JSON.parse(lines[1] ?? '').error).toBe('POST /api: 403 Forbidden: the namespace is being terminated')
})
