/** How long a revision of the config takes to all pods of a fleet: through the ConfigMap and the admin port of each. */
import { KubernetesFleet } from '@fractal-lba/operator/kubernetes/fleet'
import { PODS, STATEFUL_SETS } from '@fractal-lba/operator/kubernetes/resources'
import { Cache } from '@fractal-lba/operator/runtime/cache/cache'
import { systemClock } from '@fractal-lba/operator/runtime/clock'
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { type Figure, median } from '../measure.ts'
import type { Scene } from './scene.ts'
import { namespaceOf, PODS_A_FLEET } from './shape.ts'

const REVISIONS = 11
const BUDGET_MS = 2_000
const TIMEOUT_MS = 5_000

export async function measureConfigPush(scene: Scene): Promise<Figure> {
  const onError = (doing: string, error: unknown) => console.error(doing, error)
  const common = { client: scene.client, clock: systemClock, random: Math.random, onError, namespaces: [namespaceOf(0)] }
  const pods = new Cache({ ...common, type: PODS })
  const statefulSets = new Cache({ ...common, type: STATEFUL_SETS })
  for (const cache of [pods, statefulSets]) cache.start()
  try {
    await Promise.all([pods.synced(), statefulSets.synced()])
    const fleet = new KubernetesFleet({ client: scene.client, pods, statefulSets, now: Date.now }, namespaceOf(0), undefined)
    const took: number[] = []
    for (let generation = 1; generation <= REVISIONS; generation++) {
      const config = { shards: [`redis://shard-${generation}:6379`] }
      const sinceMs = performance.now()
      const results = await fleet.configure({ generation, revision: revisionOf(config), config }, TIMEOUT_MS)
      took.push(performance.now() - sinceMs)
      const applied = results.filter(({ kind }) => kind === 'applied').length
      if (applied !== PODS_A_FLEET) throw new Error(`only ${applied} of ${PODS_A_FLEET} pods took the config`)
    }
    return {
      name: `a config revision on ${PODS_A_FLEET} pods`,
      value: median(took),
      unit: 'ms',
      ceiling: { name: 'budget', value: BUDGET_MS },
      wanted: { atMost: 1 },
      note: `${REVISIONS} revisions, the longest ${Math.max(...took).toFixed(0)} ms, the first with new connections`,
    }
  } finally {
    await Promise.all([pods.stop(), statefulSets.stop()])
  }
}
