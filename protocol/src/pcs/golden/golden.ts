/** A summary that an agent in the field made and signed (HMAC key `testsecret`), and the rows that it summarised: for tests. */
import { readFileSync } from 'node:fs'
import type { Pcs } from '../schema.ts'

export const GOLDEN_HMAC_KEY = 'testsecret'

/** The file as it came, indented. */
export const goldenBody: Buffer = readFileSync(new URL('./pcs_tiny_case_1.json', import.meta.url))

export const goldenPcs: Pcs = JSON.parse(goldenBody.toString('utf8'))

/** As agents send it: without spaces. */
export const goldenCompact: Buffer = Buffer.from(JSON.stringify(goldenPcs))

/** Rows of (timestamp, x, y, z). */
export const goldenRows: readonly (readonly number[])[] = readFileSync(new URL('./tiny_case_1.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',').map(Number))
