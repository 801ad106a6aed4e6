/** What every suite starts from: the cluster that `npm run e2e` brought up, and charts installed into it as a user would. */
import { join } from 'node:path'
import { Kubectl } from './kubectl.ts'

export const checkout = join(import.meta.dirname, '../../..')
export const FLEET_CHART = join(checkout, 'charts/fractal-lba')
export const OPERATOR_CHART = join(checkout, 'charts/fractal-lba-operator')
export const OPERATOR_NAMESPACE = 'fractal-lba-system'
export const OPERATOR_RELEASE = 'fractal-lba-operator'
export const HMAC_KEY = 'for-tests-only-0123456789abcdef'

export function openKubectl(): Kubectl {
  const kubeconfig = process.env.FLK_E2E_KUBECONFIG
  if (kubeconfig === undefined) throw new Error('These suites need a cluster: run them with `npm run e2e -- SUITE`.')
  return new Kubectl(kubeconfig)
}

/** Idempotent. PodSecurity `restricted` is enforced wherever the project's charts go. */
export async function makeNamespace(kubectl: Kubectl, name: string): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await kubectl.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
}

export async function installOperator(kubectl: Kubectl, settings: readonly string[] = []): Promise<void> {
  await makeNamespace(kubectl, OPERATOR_NAMESPACE)
  await kubectl.helm([
    ...['upgrade', '--install', OPERATOR_RELEASE, OPERATOR_CHART, '-n', OPERATOR_NAMESPACE, '--wait', '--timeout', '120s'],
    ...settings.flatMap((setting) => ['--set', setting]),
  ])
}
