/** Summaries for tests: sound ones by number, signed, and ways to spoil them. */
import { readFileSync } from 'node:fs'
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { signHmac } from '@fractal-lba/protocol/signing/sign'

export const TEST_KEY = 'test-key'
const key = new HmacKey(TEST_KEY)
const SCALES = [2, 4, 8, 16]

/** A summary that is accepted; `change` is applied before it is signed. */
export function summary(n: number, change: Partial<Pcs> = {}): Pcs {
  const counts = SCALES.map((scale) => scale + (n % 3))
  const merkleRoot = n.toString(16).padStart(64, '0')
  const dHat = theilSen(SCALES, counts)
  const fields: Pcs = {
    pcs_id: pcsIdOf(merkleRoot, n, 'stream'),
    schema: 'fractal-lba-kakeya',
    version: '0.1',
    shard_id: 'stream',
    epoch: n,
    scales: SCALES,
    N_j: Object.fromEntries(SCALES.map((scale, i) => [scale, counts[i] as number])),
    coh_star: 0.5,
    D_hat: dHat,
    r: 0.5,
    regime: regimeOf(dHat, 0.5),
    budget: budgetOf(dHat, 0.5, 0.5),
    merkle_root: merkleRoot,
    ...change,
  }
  return { ...fields, sig: signHmac(key, fields) }
}

export function body(n: number, change: Partial<Pcs> = {}): string {
  return JSON.stringify(summary(n, change))
}

/** A summary that an agent in the field signed, with the key `testsecret`. */
export function goldenBody(): Buffer {
  return readFileSync(new URL('../../../protocol/src/pcs/golden/pcs_tiny_case_1.json', import.meta.url))
}
