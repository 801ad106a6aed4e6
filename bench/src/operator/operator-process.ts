/** The operator as it runs in a cluster, as a process of this machine with the bundle, options and variables of its image, and what its metrics say. */
import { IMAGES } from '@fractal-lba/image/images'
import { freePort } from '@fractal-lba/servers/running-server'
import { type Child, startChild } from './child.ts'
import type { Scene } from './scene.ts'

const LEASE_NAMESPACE = 'default'

export interface OperatorProcess extends Child {
  /** Resolves when it says that it leads. */
  leading(limitMs?: number): Promise<void>
  /** The text of /metrics. */
  metrics(): Promise<string>
}

export async function startOperator({ plane, operatorBundle }: Scene, name: string): Promise<OperatorProcess> {
  const metricsPort = await freePort()
  const options = [
    '--pod-name',
    name,
    '--lease-namespace',
    LEASE_NAMESPACE,
    '--health-port',
    '0',
    '--metrics-port',
    `${metricsPort}`,
  ]
  const image = IMAGES.find(({ room }) => room === 'operator') as (typeof IMAGES)[number]
  const env = { ...image.env, KUBECONFIG: plane.kubeconfig, NODE_ENV: 'production' }
  const child = startChild(operatorBundle, ['kube', ...options], env, image.nodeOptions)
  return {
    ...child,
    leading: async (limitMs) => void (await child.line('stderr', (line) => line.includes('"leading"'), limitMs)),
    async metrics() {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`, {
        headers: { authorization: `Bearer ${plane.token}` },
      })
      if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`)
      return answer.text()
    },
  }
}
