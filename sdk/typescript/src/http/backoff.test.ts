import { describe, expect, it } from 'vitest'
import { backoffMs, DEFAULT_BACKOFF, retryAfterMsOf } from './backoff.ts'

describe('backoffMs', () => {
  it.each([
    [1, undefined, 1, 100],
    [2, undefined, 1, 200],
    [4, undefined, 0.5, 400],
    [8, undefined, 1, 10_000],
    [1000, undefined, 1, 10_000],
    [3, undefined, 0, 0],
    [1, 2000, 0.5, 2050],
  ])('after %d failures, Retry-After %s and random %d it is %d ms', (failures, retryAfter, random, expected) => {
    expect(backoffMs(failures, retryAfter, random, DEFAULT_BACKOFF)).toBe(expected)
  })
})

describe('retryAfterMsOf', () => {
  const now = Date.parse('Wed, 21 Oct 2026 07:28:00 GMT')
  it.each([
    ['3', 3000],
    ['0', 0],
    ['Wed, 21 Oct 2026 07:28:05 GMT', 5000],
    ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    [undefined, undefined],
  ])('reads "%s" as %s', (header, expected) => {
    expect(retryAfterMsOf(header, now)).toBe(expected)
  })
})
