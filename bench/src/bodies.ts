/**
 * Unique signed summaries for the load generator, one a line: `node bench/src/bodies.ts COUNT FILE [hmac|ed25519|none] [START]`. Each is a sound
 * summary of about 800 bytes that a verifier accepts (200); the same COUNT and START give the same bodies.
 */
import { createPrivateKey, hash, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import type { Pcs } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'
import { ed25519PublicBytes } from '@fractal-lba/protocol/signing/ed25519'
import { HmacKey } from '@fractal-lba/protocol/signing/hmac-key'
import { signEd25519, signHmac } from '@fractal-lba/protocol/signing/sign'

export const BENCH_HMAC_KEY = 'bench-hmac-key'
export type BodySigning = 'hmac' | 'ed25519' | 'none'

const ED25519_SEED = hash('sha256', 'a key that only the bench uses', 'buffer')
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SCALES = [2, 4, 8, 16, 32, 64]

const ed25519Key: KeyObject = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, ED25519_SEED]), format: 'der', type: 'pkcs8' })
/** For `PCS_ED25519_PUB_B64`. */
export const BENCH_ED25519_PUBLIC_KEY = ed25519PublicBytes(ed25519Key).toString('base64')

const hmacKey = new HmacKey(BENCH_HMAC_KEY)

/** The summary number `n`. */
export function benchBody(n: number, signing: BodySigning): string {
  const seed = hash('sha256', `body ${n}`, 'buffer')
  const counts = SCALES.map((scale, i) => Math.round(scale ** (1 + (seed[0] as number) / 512)) + i)
  const cohStar = nineDecimals(0.05 + (seed.readUInt16BE(1) / 65_535) * 0.9)
  const r = nineDecimals(0.1 + (seed.readUInt16BE(3) / 65_535) * 0.8)
  const dHat = nineDecimals(theilSen(SCALES, counts))
  const shardId = `bench-shard-${String(n % 64).padStart(3, '0')}`
  const merkleRoot = seed.toString('hex')
  const pcs: Pcs = {
    pcs_id: pcsIdOf(merkleRoot, n, shardId),
    schema: 'fractal-lba-kakeya',
    version: '0.1',
    shard_id: shardId,
    epoch: n,
    attempt: 1,
    sent_at: '2026-01-01T00:00:00Z',
    seed: 42,
    scales: SCALES,
    N_j: Object.fromEntries(SCALES.map((scale, i) => [scale, counts[i] as number])),
    coh_star: cohStar,
    v_star: [0.6000020458127243, -0.16701530057610703, 0.7823703946303298],
    D_hat: dHat,
    r,
    regime: regimeOf(dHat, cohStar),
    budget: nineDecimals(budgetOf(dHat, cohStar, r)),
    merkle_root: merkleRoot,
    ft: { outbox_seq: n, degraded: false, fallbacks: [], clock_skew_ms: 0 },
  }
  const sig = signing === 'hmac' ? signHmac(hmacKey, pcs) : signing === 'ed25519' ? signEd25519(ed25519Key, pcs) : undefined
  return JSON.stringify(sig === undefined ? pcs : { ...pcs, sig })
}

function nineDecimals(x: number): number {
  return Number(x.toFixed(9))
}

if (import.meta.main) {
  const [count, path, signing = 'hmac', start = '0'] = process.argv.slice(2)
  if (!count || !path || !['hmac', 'ed25519', 'none'].includes(signing)) {
    process.stderr.write('usage: node bench/src/bodies.ts COUNT FILE [hmac|ed25519|none] [START]\n')
    process.exit(2)
  }
  const out = createWriteStream(path)
  for (let n = Number(start); n < Number(start) + Number(count); n++) {
    if (!out.write(`${benchBody(n, signing as BodySigning)}\n`)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
}
