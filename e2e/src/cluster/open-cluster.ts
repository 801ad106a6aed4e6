/** Picks the kind of cluster that this machine can run. */
import { existsSync } from 'node:fs'
import { KindCluster } from './kind.ts'
import { nodeDirectory } from './node/layout.ts'
import { OneNodeCluster } from './node/one-node.ts'
import type { Cluster } from './port.ts'

/** One that is up already stays what it is; `FLK_CLUSTER=node` asks for the one-node cluster where kind would be possible too. */
export async function openCluster(say: (line: string) => void): Promise<Cluster> {
  const asked = process.env.FLK_CLUSTER
  if (asked !== undefined && asked !== 'kind' && asked !== 'node') throw new Error(`FLK_CLUSTER is kind or node, not ${asked}`)
  if (asked === 'node' || (asked === undefined && existsSync(nodeDirectory))) return new OneNodeCluster(say)
  if (asked === 'kind' || (await KindCluster.isPossible())) return new KindCluster()
  return new OneNodeCluster(say)
}
