import { expect, it } from 'vitest'
import { makeLog, redact } from './log.ts'

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
