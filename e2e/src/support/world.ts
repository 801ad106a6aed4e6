/** What every suite starts from: the cluster that `npm run e2e` brought up, and charts installed into it as a user would. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { Kubectl } from './kubectl.ts'
import { run } from './run-command.ts'

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

/** Idempotent. Suites that run side by side do it one after the other: Helm lets only one work on a release. */
export async function installOperator(kubectl: Kubectl): Promise<void> {
  await makeNamespace(kubectl, OPERATOR_NAMESPACE)
  const release = ['upgrade', '--install', OPERATOR_RELEASE, OPERATOR_CHART, '-n', OPERATOR_NAMESPACE]
  // In a cluster that was up before, an image of the same name may be another one.
  const set = ['--set-string', `podAnnotations.image-digest=${process.env.FLK_E2E_OPERATOR_DIGEST}`]
  const lock = join(tmpdir(), 'fractal-lba-e2e-operator.lock')
  await run('flock', [lock, programPath('helm'), ...release, '--wait', '--timeout', '120s', ...set], { env: kubectl.env })
}
