/** What the auditor says of a run in the cluster, from the agents' journals, the shards themselves and the verifiers' logs on their volumes. */
import { fileURLToPath } from 'node:url'
import type { Verdict } from '@fractal-lba/demo/audit/judge'
import { NODE_ADDRESS } from '../cluster/node/layout.ts'
import type { Kubectl, Resource } from './kubectl.ts'
import { run } from './run-command.ts'

const AUDIT_MAIN = fileURLToPath(import.meta.resolve('@fractal-lba/demo/audit/main'))
const NAMES = fileURLToPath(new URL('./cluster-names.ts', import.meta.url))

export interface AuditInputs {
  readonly journals: string
  /** All that ever held slots; with credentials where they need them. */
  readonly shards: readonly string[]
  readonly namespace: string
  /** Of the fleet's volume claims. */
  readonly claimSelector: string
}

/** The verifiers must not be writing: scale them to 0 before. */
export async function auditRun(kubectl: Kubectl, inputs: AuditInputs): Promise<Verdict> {
  const claims = await kubectl.list('persistentvolumeclaims', inputs.namespace, inputs.claimSelector)
  const wals = await Promise.all(claims.map((claim) => walOf(kubectl, claim)))
  const args = [
    '--journals',
    inputs.journals,
    '--shards',
    inputs.shards.join(','),
    '--wals',
    wals.join(','),
    '--output',
    'json',
    '--balancers',
    'service',
  ]
  const env = { ...process.env, FLK_CLUSTER_DNS: NODE_ADDRESS }
  const text = await run(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', NAMES, AUDIT_MAIN, ...args], {
    env,
    allowExitCodes: [0, 1],
  })
  return JSON.parse(text) as Verdict
}

async function walOf(kubectl: Kubectl, claim: Resource): Promise<string> {
  const { volumeName } = claim.spec as { volumeName: string }
  const { spec } = await kubectl.get('persistentvolumes', undefined, volumeName)
  return `${(spec as { local: { path: string } }).local.path}/wal`
}
