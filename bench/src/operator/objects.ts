/** The objects of the scene, of about the size that they have in a cluster: what they hold is kept in memory by whoever watches them. */
import { FINALIZER } from '@fractal-lba/operator/api/group'
import { freshStatus } from '@fractal-lba/operator/controllers/shardmigration/draft'
import type { KubeObject } from '@fractal-lba/operator/runtime/client/objects'
import { ADMIN_SECRET, ADMIN_TOKEN, CONFIG_MAP, namespaceOf, PODS_A_FLEET, podName, WORKLOAD } from './shape.ts'

type Plain = KubeObject & Readonly<Record<string, unknown>>

const LABELS = {
  'app.kubernetes.io/name': 'fractal-lba',
  'app.kubernetes.io/component': 'verifier',
  'app.kubernetes.io/instance': 'fleet',
} as const
const STEPS = 10

export const secretOf = (fleet: number): Plain => ({
  metadata: { name: ADMIN_SECRET, namespace: namespaceOf(fleet) },
  data: { token: Buffer.from(ADMIN_TOKEN).toString('base64') },
})

export const configMapOf = (fleet: number): Plain => ({ metadata: { name: CONFIG_MAP, namespace: namespaceOf(fleet) }, data: {} })

export function statefulSetOf(fleet: number): Plain {
  const annotations = {
    'fractal.lba.io/admin-secret': ADMIN_SECRET,
    'fractal.lba.io/config-map': CONFIG_MAP,
    'fractal.lba.io/managed-rollout': 'true',
  }
  return {
    metadata: { name: WORKLOAD, namespace: namespaceOf(fleet), labels: LABELS, annotations },
    spec: {
      ...{ replicas: PODS_A_FLEET, serviceName: WORKLOAD, podManagementPolicy: 'Parallel', selector: { matchLabels: LABELS } },
      template: { metadata: { labels: LABELS }, spec: podSpec(8081) },
    },
  }
}

export const podOf = (fleet: number, ordinal: number, ownerUid: string, adminPort: number): Plain => ({
  metadata: {
    name: podName(ordinal),
    namespace: namespaceOf(fleet),
    labels: { ...LABELS, 'controller-revision-hash': 'revision-1', 'statefulset.kubernetes.io/pod-name': podName(ordinal) },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', name: WORKLOAD, uid: ownerUid, controller: true, blockOwnerDeletion: true },
    ],
  },
  spec: podSpec(adminPort),
})

export function podStatus(): Readonly<Record<string, unknown>> {
  const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  const conditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']
  return {
    ...{ phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }], hostIP: '127.0.0.1', startTime: at },
    conditions: conditions.map((type) => ({ type, status: 'True', lastTransitionTime: at })),
    containerStatuses: [
      {
        ...{
          name: 'verifier',
          image: 'fractal-lba:0.1.0',
          imageID: `sha256:${'0'.repeat(64)}`,
          containerID: `containerd://${'0'.repeat(64)}`,
        },
        ...{ ready: true, started: true, restartCount: 0, state: { running: { startedAt: at } } },
      },
    ],
  }
}

function podSpec(adminPort: number) {
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, periodSeconds: 5 })
  const env = ['FLK_POD_NAME', 'PORT', 'DEDUP_BACKEND', 'DEDUP_SHARDS', 'WAL_DIR', 'TOKEN_RATE', 'PCS_SIGN_ALG', 'FLK_LOG_LEVEL']
  return {
    ...{
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 40,
      securityContext: { runAsNonRoot: true, runAsUser: 65532 },
    },
    containers: [
      {
        ...{ name: 'verifier', image: 'fractal-lba:0.1.0', env: env.map((name) => ({ name, value: 'as the chart sets it' })) },
        ports: [
          { name: 'http', containerPort: 8080 },
          { name: 'admin', containerPort: adminPort },
        ],
        ...{ startupProbe: probe('/healthz'), readinessProbe: probe('/readyz'), livenessProbe: probe('/healthz') },
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '512Mi' } },
        volumeMounts: [{ name: 'wal', mountPath: '/var/lib/fractal-lba/wal' }],
      },
    ],
    volumes: [{ name: 'wal', emptyDir: {} }],
  }
}

/** One that has completed; its source and its target differ from those of all others, as they do after a while. */
export function migrationOf(fleet: number, name: string): Plain {
  const shards = (side: string) => [`redis://${name}-${side}.shards:6379`]
  return {
    metadata: { name, namespace: namespaceOf(fleet), finalizers: [FINALIZER] },
    spec: { sourceShards: shards('from'), targetShards: shards('to'), dedupBackend: 'redis' },
  }
}

export function completedStatus(): object {
  const nowMs = Date.now()
  const at = new Date(nowMs).toISOString()
  const reading = {
    ...{ metric: 'maxLatencyP95', verdict: 'Pass', query: 'p95(latency) over 30 s of 100 of 100 pods', value: 41.25 },
    ...{ threshold: 200, samples: 8123, atMs: nowMs, message: '41.25 ms, allowed is at most 200 ms' },
  } as const
  const readings = [reading, { ...reading, metric: 'maxErrorRate' as const }, { ...reading, metric: 'minDedupHitRatio' as const }]
  const decision = {
    at,
    phase: 'Cutover',
    action: 'ApplyStep',
    reason: 'InProgress',
    message: 'The next step is taken.',
    readings,
  }
  return {
    ...freshStatus(1, 1, nowMs),
    ...{
      phase: 'Completed',
      message: 'All slots have moved.',
      startedAt: at,
      endedAt: at,
      migrationId: `id-${nowMs}`,
      planHash: '0'.repeat(16),
    },
    progress: { keysCopied: 1e6, totalKeys: 1e6, bytesCopied: 1e8, percentage: 100, estimatedTimeRemaining: '' },
    target: { upTo: 'cleaned', cutoverPercent: 100 },
    ...{ gates: readings, judgement: { kind: 'pass' }, decisions: Array.from({ length: STEPS }, () => decision) },
  }
}

/** Gates that let a fleet without traffic pass, and no waiting: what is measured comes after. */
const AT_ONCE = {
  ...{ steps: [100], stepSeconds: 0 },
  gates: { windowSeconds: 1, intervalSeconds: 1, minSamples: 1, failures: 1, of: 1, onNoData: 'Pass' },
}

export const crrPolicyOf = (fleet: number): Plain => ({
  metadata: { name: 'regions', namespace: namespaceOf(fleet) },
  spec: { sourceRegion: 'us-east', targetRegions: ['eu-west'], ...AT_ONCE },
})

export const tieringPolicyOf = (fleet: number): Plain => ({
  metadata: { name: 'tiers', namespace: namespaceOf(fleet) },
  spec: {
    hotTier: { backend: 'redis', ttl: '1h' },
    warmTier: { backend: 'postgres', ttl: '7d' },
    coldTier: { backend: 's3', ttl: '90d' },
    ...AT_ONCE,
  },
})
