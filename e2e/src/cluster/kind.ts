/** A cluster by kind, where Docker runs and images can be pulled. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterCache } from '@fractal-lba/servers/kubernetes/build'
import { run } from '../support/run-command.ts'
import type { Cluster, ComponentState } from './port.ts'

const NAME = 'fractal-lba'

export class KindCluster implements Cluster {
  readonly kubeconfig = join(clusterCache, 'kind', 'kubeconfig')

  /** Whether kind and a Docker engine are here. */
  static async isPossible(): Promise<boolean> {
    try {
      await run('kind', ['version'])
      await run('docker', ['info'], { timeoutMs: 10_000 })
      return true
    } catch {
      return false
    }
  }

  async whyNot(): Promise<string | undefined> {
    return (await KindCluster.isPossible()) ? undefined : 'kind or a Docker engine is missing'
  }

  async up(): Promise<void> {
    await mkdir(join(clusterCache, 'kind'), { recursive: true })
    const clusters = (await run('kind', ['get', 'clusters'])).split('\n')
    const command = clusters.includes(NAME) ? ['export', 'kubeconfig'] : ['create', 'cluster', '--wait', '120s']
    await run('kind', [...command, '--name', NAME, '--kubeconfig', this.kubeconfig], { timeoutMs: 900_000 })
  }

  async down(): Promise<void> {
    await run('kind', ['delete', 'cluster', '--name', NAME])
    await rm(join(clusterCache, 'kind'), { recursive: true, force: true })
  }

  async loadImage(archive: string): Promise<void> {
    await run('kind', ['load', 'image-archive', archive, '--name', NAME])
  }

  async recycleVolumes(): Promise<void> {
    // kind's own provisioner deletes a volume with its claim.
  }

  async status(): Promise<readonly ComponentState[]> {
    if (!existsSync(this.kubeconfig)) return []
    return [{ name: `kind cluster ${NAME}`, running: true, log: `docker logs ${NAME}-control-plane` }]
  }

  async stopComponent(name: string): Promise<void> {
    throw new Error(`In a kind cluster ${name} cannot be stopped from here; the suites about faults need the one-node cluster.`)
  }

  startComponent(name: string): Promise<void> {
    return this.stopComponent(name)
  }
}
