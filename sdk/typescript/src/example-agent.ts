/**
 * An agent that never has enough: summarises a wandering signal, signs, submits RATE summaries a second to ENDPOINT, every second one of them
 * for the second time, as a retry would, until it is stopped. Says every ten seconds how that goes.
 */
import { FractalLBAClient, type Pcs, summarise, toUnitBox } from '@fractal-lba/client'

const { ENDPOINT = 'http://127.0.0.1:8080', SIGNING_KEY = 'testsecret', RATE = '20' } = process.env
const POINTS = 100
const IN_FLIGHT_MAX = 50
const REPORT_MS = 10_000

const client = new FractalLBAClient({ baseURL: ENDPOINT, tenantID: 'default', signingAlg: 'hmac', signingKey: SIGNING_KEY })
const shardId = `steady-agent-${process.pid}`
let epoch = 0
let last: Pcs | undefined
let inFlight = 0
const answers = { accepted: 0, escalated: 0, failed: 0 }

function next(): Pcs {
  if (last) {
    const again = last
    last = undefined
    return again
  }
  epoch += 1
  const rows = Array.from({ length: POINTS }, (_, i) => [Math.sin(epoch + i / 7), Math.cos(epoch + i / 11), i / POINTS])
  last = summarise({ shardId, epoch, points: toUnitBox(rows), data: Buffer.from(JSON.stringify(rows)), seed: 42 })
  return last
}

async function submit(): Promise<void> {
  if (inFlight >= IN_FLIGHT_MAX) return
  inFlight += 1
  try {
    const { accepted } = await client.submitPCS(next())
    answers[accepted ? 'accepted' : 'escalated'] += 1
  } catch (error) {
    answers.failed += 1
    console.error((error as Error).message)
  } finally {
    inFlight -= 1
  }
}

setInterval(submit, 1000 / Number(RATE))
setInterval(() => console.log(JSON.stringify(answers)), REPORT_MS)
