/**
 * The operator's process. `--local DIR` serves the manifests of a folder; the verbs edit them; `status` shows what became of them.
 * Once it serves, it writes one line of JSON to stdout; its log goes to stderr. SIGTERM ends it at a safe point.
 */
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { keyIdOf } from '@fractal-lba/migration/certificate/certificate'
import { Command, InvalidArgumentError, Option } from 'commander'
import { VERBS } from './api/group.ts'
import { statusTable } from './cli/status-table.ts'
import { readStatuses } from './cli/statuses.ts'
import { giveVerb } from './cli/verbs.ts'
import { serveKubernetes } from './kubernetes/serve.ts'
import { makeLog, redact } from './log.ts'
import { systemClock } from './runtime/clock.ts'

/** As in other controllers: long enough for a slow shard, short enough for a successor. */
const DEFAULT_LEASE_SECONDS = 15

interface ServeFlags {
  readonly local: string
  readonly holder: string
  readonly leaseSeconds: number
  readonly metricsPort?: number
  readonly metricsHost: string
  readonly signingKey?: string
}

const local = () => new Option('--local <dir>', 'folder of manifests (*.yaml)').makeOptionMandatory()
const program = new Command('operator').description(
  'Changes a fleet in steps, each behind health gates, and takes a change back when a gate fails.',
)

program
  .command('serve', { isDefault: true })
  .description('serve the ShardMigration manifests of a folder')
  .addOption(local())
  .option('--holder <name>', 'names this operator to others that want the same shards', `operator@${hostname()}`)
  .option('--lease-seconds <n>', 'how long a lease outlives an operator that was killed', parseNumber, DEFAULT_LEASE_SECONDS)
  .option('--metrics-port <port>', 'serve /healthz, /readyz and /metrics there (0: any free port)', parseNumber)
  .option('--metrics-host <address>', 'address to serve them on', '127.0.0.1')
  .option('--signing-key <file>', 'Ed25519 private key (PEM) that certificates are signed with')
  .action(runServer)

program
  .command('kube')
  .description('serve the custom resources of a cluster (KUBECONFIG, or the service account of its pod)')
  .option('--watch-namespaces <names>', 'only these namespaces, comma-separated (default: all)')
  .option('--lease-name <name>', 'Lease that elects the leader', 'fractal-lba-operator')
  .option('--lease-namespace <name>', "namespace of that Lease (default: the operator's own)")
  .option('--pod-name <name>', 'names this replica', process.env.POD_NAME ?? hostname())
  .option('--shard-lease-seconds <n>', 'how long a lease at the shards outlives an operator that was killed', parseNumber, 10)
  .option('--health-port <port>', 'serve /healthz and /readyz there', parseNumber, 8081)
  .option('--metrics-port <port>', 'serve /metrics there, for whoever may get it (TokenReview, SubjectAccessReview)', parseNumber)
  .option('--metrics-cert <file>', 'certificate chain (PEM) of /metrics, which is then HTTPS only; taken anew when it changes')
  .option('--metrics-key <file>', 'its private key (PEM)')
  .option('--signing-key <file>', 'Ed25519 private key (PEM) that certificates are signed with')
  .action(runInCluster)

for (const verb of VERBS) {
  const command = program
    .command(`${verb} <name>`)
    .description(`set the annotation fractal.lba.io/${verb} of a ShardMigration`)
    .addOption(local())
  if (verb === 'approve') command.option('--plan <hash>', 'the plan that is approved (default: the one in status)')
  command.action(async (name: string, flags: { local: string; plan?: string }) => {
    console.log(await giveVerb({ folder: resolve(flags.local), name, verb, plan: flags.plan }, systemClock))
  })
}

program
  .command('status [name]')
  .description('show how the migrations of a folder stand')
  .addOption(local())
  .addOption(new Option('--output <format>', 'table or json').choices(['table', 'json']).default('table'))
  .action(async (name: string | undefined, flags: { local: string; output: string }) => {
    const statuses = await readStatuses(resolve(flags.local), name, systemClock)
    console.log(flags.output === 'json' ? JSON.stringify(statuses, undefined, 2) : statusTable(statuses))
  })

async function runServer(flags: ServeFlags): Promise<void> {
  const log = makeLog((line) => process.stderr.write(line), systemClock.now)
  const folder = resolve(flags.local)
  // What only a folder needs is not loaded in a cluster.
  const { serve } = await import('./local/serve.ts')
  const serving = await serve({
    folder,
    holder: flags.holder,
    leaseTtlMs: flags.leaseSeconds * 1000,
    metrics: flags.metricsPort === undefined ? undefined : { host: flags.metricsHost, port: flags.metricsPort },
    signer: flags.signingKey === undefined ? undefined : await readSigner(flags.signingKey),
    env: process.env,
    clock: systemClock,
    log,
  })
  console.log(
    JSON.stringify({ event: 'serving', folder, holder: flags.holder, pid: process.pid, metrics: serving.metricsUrl ?? null }),
  )
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  log.info('stopping at a safe point')
  await serving.stop()
  log.info('stopped; leases are given back')
  // Sockets that a server keeps open must not keep an operator that has stopped.
  process.exit(0)
}

interface KubeFlags {
  readonly watchNamespaces?: string
  readonly leaseName: string
  readonly leaseNamespace?: string
  readonly podName: string
  readonly shardLeaseSeconds: number
  readonly healthPort: number
  readonly metricsPort?: number
  readonly metricsCert?: string
  readonly metricsKey?: string
  readonly signingKey?: string
}

async function runInCluster(flags: KubeFlags): Promise<void> {
  const log = makeLog((line) => process.stderr.write(line), systemClock.now)
  const namespaces = flags.watchNamespaces
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const serving = await serveKubernetes({
    namespaces: namespaces && namespaces.length > 0 ? namespaces : undefined,
    leaseName: flags.leaseName,
    leaseNamespace: flags.leaseNamespace,
    podName: flags.podName,
    shardLeaseTtlMs: flags.shardLeaseSeconds * 1000,
    healthPort: flags.healthPort,
    metricsPort: flags.metricsPort,
    metricsTls: readMetricsTls(flags),
    signer: flags.signingKey === undefined ? undefined : await readSigner(flags.signingKey),
    env: process.env,
    clock: systemClock,
    monotonicNow: () => performance.now(),
    random: Math.random,
    log,
  })
  log.info('serving', { namespaces: namespaces ?? 'all', pod: flags.podName })
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  log.info('stopping at a safe point')
  await serving.stop()
  log.info('stopped; the lease is handed over')
  process.exit(0)
}

function readMetricsTls({ metricsCert, metricsKey }: KubeFlags) {
  if (metricsCert === undefined && metricsKey === undefined) return undefined
  if (metricsCert === undefined || metricsKey === undefined)
    throw new Error('give both --metrics-cert and --metrics-key, or neither')
  return { certFile: metricsCert, keyFile: metricsKey }
}

async function readSigner(path: string) {
  const key = createPrivateKey(await readFile(path))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`--signing-key ${path} is not an Ed25519 key`)
  return { keyId: keyIdOf(key), key }
}

function parseNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isFinite(value)) throw new InvalidArgumentError('must be a number')
  return value
}

program.parseAsync().catch((error: Error) => {
  console.error(redact(error.message))
  process.exitCode = 1
})
