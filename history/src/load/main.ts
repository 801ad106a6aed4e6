/** A load process, started by the run: gets its orders over IPC and ends when the run is gone. */
import { setTimeout as pause } from 'node:timers/promises'
import { signerOf } from '@fractal-lba/client/signer'
import { Journal } from '@fractal-lba/demo/agents/journal'
import { keyMaker } from './attempts.ts'
import { Lanes } from './lanes.ts'
import type { LoadOrders, ToLoad } from './orders.ts'
import { Sender } from './send.ts'

const TALLY_EVERY_MS = 500
/** Answers wait this long for the next call's write. */
const FLUSH_EVERY_MS = 200

function start(orders: LoadOrders): Lanes {
  const journal = new Journal(orders.journal)
  const sender = new Sender(orders.tenant, orders.lanes * 2)
  const maker = keyMaker(orders.name, orders.tenant, signerOf('hmac', orders.hmacKey))
  // One clock for all processes of this machine: performance.now() begins anew in each.
  const nowUs = () => Number(process.hrtime.bigint() / 1000n) - orders.zeroUs
  const lanes = new Lanes({ orders, maker, sender, journal, nowUs, pause })
  const tell = (done: boolean) => process.send?.(lanes.tally(done))
  const timers = [setInterval(() => tell(false), TALLY_EVERY_MS), setInterval(() => journal.flush(), FLUSH_EVERY_MS)]
  lanes.run().then(() => {
    for (const timer of timers) clearInterval(timer)
    journal.close()
    sender.close()
    tell(true)
    process.disconnect()
  })
  return lanes
}

let lanes: Lanes | undefined
process.on('message', (message: ToLoad) => {
  if (message.kind === 'start') lanes ??= start(message.orders)
  else if (message.kind === 'pace') lanes?.pace(message.ratePerSecond)
  else void lanes?.stop()
})
process.on('disconnect', () => process.exit())
