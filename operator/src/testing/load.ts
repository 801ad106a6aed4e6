/** Keeps a fleet busy: new summaries and repeats of old ones at a steady pace, remembering every answer, so that it can be held to them. */
import { pcsIdOf } from '@fractal-lba/protocol/pcs/identity'
import { budgetOf, regimeOf, theilSen } from '@fractal-lba/protocol/pcs/signals'

const SCALES = [2, 4, 8, 16]
/** Two cores carry the shards, the pods, the operator and the test: busy, not drowned. */
const WORKERS = 6
const PACE_MS = 30

export interface Load {
  /** Status of the first answer of each summary, by its number. */
  readonly answered: ReadonlyMap<number, number>
  /** Answers other than 200 and 202, and answers that differ from the first one for the same summary. */
  readonly wrong: readonly string[]
  stop(): Promise<void>
}

export function pcsId(n: number): string {
  return pcsIdOf(merkleRoot(n), n, 'stream')
}

const merkleRoot = (n: number): string => n.toString(16).padStart(64, '0')

function body(n: number): string {
  const counts = SCALES.map((scale) => scale + (n % 3))
  const dHat = theilSen(SCALES, counts)
  return JSON.stringify({
    pcs_id: pcsId(n),
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
    merkle_root: merkleRoot(n),
  })
}

export function startLoad(urls: readonly string[], first: number): Load {
  const answered = new Map<number, number>()
  const wrong: string[] = []
  let next = first
  let stopped = false

  async function submit(n: number, url: string): Promise<void> {
    const response = await fetch(`${url}/v1/pcs/submit`, {
      method: 'POST',
      body: body(n),
      headers: { 'content-type': 'application/json' },
    })
    const text = await response.text()
    const before = answered.get(n)
    if (response.status !== 200 && response.status !== 202) wrong.push(`${n}: ${response.status} ${text.slice(0, 200)}`)
    else if (before !== undefined && before !== response.status) wrong.push(`${n}: was ${before}, is ${response.status}`)
    else answered.set(n, response.status)
  }

  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    for (let round = 0; !stopped; round++) {
      const repeat = round % 2 === 1 && answered.size > 0
      const n = repeat ? first + ((round * 7919) % (next - first)) : next++
      await submit(n, urls[(worker + round) % urls.length] as string).catch((error: Error) =>
        wrong.push(`${n}: ${error.message}`),
      )
      await new Promise((resolve) => setTimeout(resolve, PACE_MS))
    }
  })
  return {
    answered,
    wrong,
    async stop() {
      stopped = true
      await Promise.all(workers)
    },
  }
}
