/**
 * A process of its own that answers like N pods: the verifier's own admin server, report and policies, each pod on a port of its own, with
 * no verifier behind it. `node simulated-pods.ts 100` prints one line of JSON with the ports, pod by pod.
 */
import type { AddressInfo } from 'node:net'
import { makeReport } from '@fractal-lba/backend/admin/report'
import { buildAdminServer } from '@fractal-lba/backend/admin/server'
import { Counters } from '@fractal-lba/backend/metrics/counters'
import { PodPolicies } from '@fractal-lba/backend/policies/pod-policies'
import { NO_POLICIES } from '@fractal-lba/protocol/config/policies'
import { ADMIN_TOKEN, FLEETS, PODS_A_FLEET, podName } from './shape.ts'

async function startPod(pod: string): Promise<number> {
  const counters = new Counters()
  const policies = new PodPolicies(NO_POLICIES, async () => {})
  const startedAtMs = Date.now()
  let config = { revision: 'none', generation: 0 }
  const server = buildAdminServer({
    token: ADMIN_TOKEN,
    report: () =>
      makeReport({
        ...{ pod, startedAtMs, counters, wallClock: Date.now, version: '0.1.0' },
        notReadyReason: () => undefined,
        draining: () => false,
        config: () => config,
        shards: () => [],
        walBacklog: () => 0,
        policies: () => policies.current,
      }),
    applyConfig: async ({ revision, generation }) => {
      config = { revision, generation }
      return { kind: 'applied' }
    },
    applyPolicies: (push) => policies.apply(push),
    slots: () => new Map(),
    drain: () => {},
    acknowledge: () => false,
    tls: undefined,
    onError: (error) => console.error(error),
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  return (server.server.address() as AddressInfo).port
}

const ports: number[] = []
for (let n = 0; n < FLEETS * PODS_A_FLEET; n++) ports.push(await startPod(podName(n % PODS_A_FLEET)))
console.log(JSON.stringify({ event: 'listening', ports }))
