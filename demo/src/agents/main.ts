/**
 * An agent as a process, started by the demo: gets its orders over IPC, works until it is told to stop, tells every half second how it
 * goes. It ends when the demo is gone.
 */
import { Outbox } from '@fractal-lba/client'
import { Agent } from './agent.ts'
import { loadFlights } from './dataset.ts'
import { Delivery } from './delivery.ts'
import { Journal } from './journal.ts'
import { seeded } from './mix.ts'
import type { AgentOrders, ToAgent } from './orders.ts'
import { Submissions } from './submissions.ts'
import { summariesOf } from './windows.ts'

const TALLY_EVERY_MS = 500
/** Seconds of new summaries that are made ahead of need. */
const AHEAD_SECONDS = 2
/** Making summaries must not hold up the sending of others: at most this long at a time. */
const PREPARE_SLICE_MS = 3
const PREPARE_EVERY_MS = 20

async function work(orders: AgentOrders): Promise<() => Promise<void>> {
  const random = seeded(orders.seed)
  const outbox = await Outbox.open(`${orders.journal}.outbox`)
  const journal = new Journal(orders.journal)
  const delivery = new Delivery({ ...orders, outbox })
  const submissions = new Submissions(
    orders.tenant,
    summariesOf(loadFlights(), orders.share, () => new Date()),
    random,
  )
  const ahead = Math.ceil(AHEAD_SECONDS * orders.ratePerSecond)
  while (submissions.ahead < ahead) submissions.prepare()
  const every = (ms: number, act: () => void) => {
    const timer = setInterval(act, ms)
    return () => clearInterval(timer)
  }
  const agent = new Agent({
    submissions,
    delivery,
    journal,
    random,
    pods: orders.pods.length,
    ratePerSecond: orders.ratePerSecond,
    time: { now: () => performance.now(), every },
  })
  agent.start()
  const tell = () => process.send?.(agent.tally(Date.now()))
  const stopTelling = every(TALLY_EVERY_MS, tell)
  const stopPreparing = every(PREPARE_EVERY_MS, () => {
    for (const until = performance.now() + PREPARE_SLICE_MS; submissions.ahead < ahead && performance.now() < until; )
      submissions.prepare()
  })
  return async () => {
    stopPreparing()
    await agent.stop()
    stopTelling()
    tell()
    delivery.close()
    journal.close()
    await outbox.close()
  }
}

let stop: Promise<() => Promise<void>> | undefined
process.on('message', (message: ToAgent) => {
  if (message.kind === 'start') stop ??= work(message.orders)
  else stop?.then((end) => end()).then(() => process.disconnect())
})
process.on('disconnect', () => process.exit())
