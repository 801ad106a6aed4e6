/**
 * An agent to run as it stands: summarises a wandering signal, signs, and submits RATE summaries a second, every other one of them for the
 * second time, as a retry would be, until it is stopped. ENDPOINT names one address or several, with commas: each summary goes to any of
 * them, and what one does not answer to the next. Says every ten seconds how that goes.
 */
import { FractalLBAClient, type Pcs, summarise, toUnitBox, UnavailableError } from '@fractal-lba/client'

const { ENDPOINT = 'http://127.0.0.1:8080', SIGNING_KEY = 'testsecret', RATE = '20' } = process.env
const POINTS = 100
const IN_FLIGHT_MAX = 100
/** How long one address is tried before the next. */
const PATIENCE_MS = 2000
const REPORT_MS = 10_000

const clients = ENDPOINT.split(',').map(
  (baseURL) =>
    new FractalLBAClient({
      ...{ baseURL, tenantID: 'default', signingAlg: 'hmac', signingKey: SIGNING_KEY, deadlineMs: PATIENCE_MS },
    }),
)
const shardId = `example-agent-${process.pid}`
const answers = { accepted: 0, escalated: 0, unanswered: 0 }
let epoch = 0
let inFlight = 0
let repeat: Pcs | undefined

function next(): Pcs {
  if (repeat) {
    const again = repeat
    repeat = undefined
    return again
  }
  epoch += 1
  const rows = Array.from({ length: POINTS }, (_, i) => [Math.sin(epoch + i / 7), Math.cos(epoch + i / 11), i / POINTS])
  repeat = summarise({ shardId, epoch, points: toUnitBox(rows), data: Buffer.from(JSON.stringify(rows)), seed: 42 })
  return repeat
}

async function submit(): Promise<void> {
  if (inFlight >= IN_FLIGHT_MAX) return
  inFlight += 1
  const pcs = next()
  // By chance: in turns, one of two addresses would get every repeat, and the other one none.
  const first = Math.floor(Math.random() * clients.length)
  try {
    for (let tries = 0; tries < clients.length; tries++) {
      const client = clients[(first + tries) % clients.length] as FractalLBAClient
      const result = await client.submitPCS(pcs).catch((error: Error) => {
        if (error instanceof UnavailableError) return undefined
        throw error
      })
      if (result) {
        answers[result.accepted ? 'accepted' : 'escalated'] += 1
        return
      }
    }
    answers.unanswered += 1
  } finally {
    inFlight -= 1
  }
}

setInterval(submit, 1000 / Number(RATE))
setInterval(() => console.log(JSON.stringify(answers)), REPORT_MS)
