/**
 * What a client sends: summaries of made-up streams, one key after the other, and for each key any number of attempts whose contents all
 * differ, so that an answer tells which of them was decided on. Some contradict themselves and are decided as such (202).
 */
import { createHash } from 'node:crypto'
import type { Signer } from '@fractal-lba/client/signer'
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import { isAccepted, isEscalated } from '@fractal-lba/protocol/pcs/reason'
import { type Pcs, SCHEMA_NAME, SCHEMA_VERSION } from '@fractal-lba/protocol/pcs/schema'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'
import { judge } from '@fractal-lba/protocol/pcs/verdict'
import { dedupKey } from '@fractal-lba/protocol/ring/slots'
import { roundToNine } from '@fractal-lba/protocol/signing/decimal'
import { contentHash, renderCanonical } from '@fractal-lba/protocol/signing/renderings'
import type { CallLine } from '../format/lines.ts'

export interface Attempt {
  readonly body: string
  /** What the history has to know of it. */
  readonly facts: Omit<CallLine, 't' | 'us' | 'op' | 'pod'>
}

const SCALES = [2, 4, 8, 16]
/** A step of r that no rounding hides: nine decimals are signed. Each attempt's budget differs by a share of it. */
const R_STEP = 1e-6
export const ATTEMPTS_OF_A_KEY_MAX = 24
/** Every so many attempts claim a wrong budget, and every so many a wrong D̂. */
const WRONG_BUDGET_EVERY = 5
const WRONG_D_HAT_EVERY = 7

export interface KeyMaker {
  /** @param key number of the key @param attempt number of the attempt, from 1 */
  attempt(key: number, attempt: number): Attempt
}

/** @param name makes its keys different from those of any other maker */
export function keyMaker(name: string, tenant: string, sign: Signer): KeyMaker {
  return {
    attempt(key, attempt) {
      const merkleRoot = createHash('sha256').update(`${name}/${key}`).digest('hex')
      const counts = SCALES.map((scale) => scale * scale + (key % 3))
      const dHat = theilSen(SCALES, counts)
      const cohStar = 0.5
      const r = roundToNine(0.5 + attempt * R_STEP)
      const honest = budgetOf(dHat, cohStar, r)
      const pcs: Pcs = {
        pcs_id: pcsIdOf(merkleRoot, key, name),
        schema: SCHEMA_NAME,
        version: SCHEMA_VERSION,
        shard_id: name,
        epoch: key,
        scales: SCALES,
        N_j: Object.fromEntries(SCALES.map((scale, i) => [scale, counts[i] as number])),
        coh_star: cohStar,
        D_hat: roundToNine(attempt % WRONG_D_HAT_EVERY === 0 ? dHat + 0.5 : dHat),
        r,
        regime: regimeOf(dHat, cohStar),
        budget: roundToNine(attempt % WRONG_BUDGET_EVERY === 0 ? (honest + 0.5) % 1 : honest),
        merkle_root: merkleRoot,
      }
      const judged = judge(pcs)
      if (judged.kind !== 'decided')
        throw new Error(`attempt ${attempt} of key ${key} is invalid: ${judged.field} ${judged.reason}`)
      return {
        body: JSON.stringify(sign(pcs)),
        facts: {
          key: dedupKey(tenant, pcs.pcs_id).toString('hex'),
          tenant,
          pcs: pcs.pcs_id,
          content: contentHash(renderCanonical(pcs)).toString('hex'),
          dHat: judged.recomputedDHat,
          budget: judged.recomputedBudget,
          reason: judged.reason,
          accepted: isAccepted(judged.verdict),
          escalated: isEscalated(judged.verdict),
        },
      }
    },
  }
}
