/**
 * A process that takes part in an election, and while it leads writes its epoch into a widget as fast as it can. Tests start it to pause
 * and kill it. Prints a JSON line for what happens. On SIGUSR2 it stands still just before its next write, as a machine does that is
 * suspended there: nothing of it runs, timers neither. Arguments: identity, and the election's times in ms if not the defaults.
 */
import { loadConnection } from '../client/connection.ts'
import { KubeClient } from '../client/kube-client.ts'
import { systemClock } from '../clock.ts'
import { LeaderElector } from '../leader/leader-elector.ts'
import { kubeLeaseStore } from '../leader/lease-store.ts'
import { WIDGET } from './widgets.ts'

const [identity = '', namespace = '', ...times] = process.argv.slice(2)
const [leaseDurationMs, renewDeadlineMs, retryPeriodMs] = times.map(Number)
const say = (what: Record<string, unknown>) =>
  process.stdout.write(`${JSON.stringify({ atMs: Date.now(), identity, ...what })}\n`)

const STANDSTILL_MS = 7_000
let standStill = false
process.on('SIGUSR2', () => {
  standStill = true
})

const ref = { namespace, name: 'written' }
const client = new KubeClient({
  connection: await loadConnection({ env: process.env }),
  userAgent: identity,
  fieldManager: identity,
})
const elector = new LeaderElector({
  store: kubeLeaseStore(client, namespace, 'lease'),
  ...{ namespace, name: 'lease', identity, clock: systemClock, monotonicNow: () => performance.now(), random: Math.random },
  ...(leaseDurationMs && { leaseDurationMs }),
  ...(renewDeadlineMs && { renewDeadlineMs }),
  ...(retryPeriodMs && { retryPeriodMs }),
  onError: (doing, error) => say({ doing, error: String(error) }),
  onChange: (news, epoch) => say({ news, epoch }),
  async lead({ epoch, signal, assertLeading }) {
    const writer = client.guarded(assertLeading)
    // Each write says on which version it builds: one that was already on its way when the machine stopped is for the server to refuse.
    let resourceVersion: string | undefined
    for (let turn = 0; !signal.aborted; turn++) {
      resourceVersion ??= (await client.get(WIDGET, ref))?.metadata.resourceVersion
      if (standStill) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STANDSTILL_MS)
      standStill = false
      try {
        const spec = { colour: identity, size: epoch, turn }
        resourceVersion = (await writer.mergePatch(WIDGET, ref, { metadata: { resourceVersion }, spec })).metadata.resourceVersion
      } catch (error) {
        resourceVersion = undefined
        say({ refused: error instanceof Error ? error.name : String(error), epoch })
      }
    }
  },
})
elector.start()
process.on('SIGTERM', async () => {
  await elector.stop()
  say({ news: 'stopped' })
  process.exit(0)
})
