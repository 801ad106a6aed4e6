/** Local mode: the folder's manifests, the controller and the queue between them, from start to the last lease given back. */
import { mkdir } from 'node:fs/promises'
import type { CertificateSigner } from '@fractal-lba/migration/certificate/certificate'
import type { ShardAddress } from '@fractal-lba/shards/address'
import { openShardControl } from '@fractal-lba/shards/open'
import { ShardMigrationController } from '../controllers/shardmigration/controller.ts'
import { FleetFile } from '../fleet/fleet-file.ts'
import { LocalFleet } from '../fleet/local.ts'
import { exposition } from '../health/exposition.ts'
import { startHealth } from '../health/server.ts'
import type { Log } from '../log.ts'
import type { Clock } from '../runtime/clock.ts'
import { WorkQueue } from '../runtime/work-queue.ts'
import { ManifestFolder } from './folder.ts'
import { lockFolder } from './folder-lock.ts'
import { LocalObjects } from './objects.ts'

export interface ServeOptions {
  readonly folder: string
  readonly holder: string
  readonly leaseTtlMs: number
  readonly metrics: { readonly host: string; readonly port: number } | undefined
  readonly signer: CertificateSigner | undefined
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
  readonly log: Log
}

export interface Serving {
  readonly metricsUrl: string | undefined
  /** Stops at a safe point, gives leases back. */
  stop(): Promise<void>
}

export async function serve(options: ServeOptions): Promise<Serving> {
  const { folder, clock, log } = options
  await mkdir(folder, { recursive: true })
  const unlock = await lockFolder(folder)
  const fleetFile = new FleetFile(folder, options.env)
  const manifests: ManifestFolder = new ManifestFolder(folder, clock, (names) => {
    for (const name of names) queue.add(name)
  })
  const objects = new LocalObjects({ folder, manifests, now: clock.now })
  const around = { fleet: new LocalFleet(fleetFile), openControl: (address: ShardAddress) => openShardControl(address) }
  const controller = new ShardMigrationController({
    objects,
    around: () => around,
    now: clock.now,
    session: { holder: options.holder, leaseTtlMs: options.leaseTtlMs, signer: options.signer },
    log: (message) => log.info(message),
  })
  const failing = new Map<string, string>()
  const queue = new WorkQueue({
    clock,
    reconcile: async (name, signal) => {
      const result = await controller.reconcile(name, signal)
      failing.delete(name)
      return result
    },
    onError: (name, error, retryAfterMs) => {
      failing.set(name, (error as Error).message)
      log.error(
        `${name}: ${retryAfterMs === undefined ? 'given up until something changes' : `tried again in ${retryAfterMs} ms`}`,
        error,
      )
    },
  })
  try {
    await manifests.start()
    // What was under way when the last operator ended, its manifest there or not.
    for (const name of await objects.names()) queue.add(name)
    const statuses = async () =>
      Promise.all((await objects.names()).map(async (name) => ({ name, status: (await objects.get(name))?.status })))
    const health =
      options.metrics &&
      (await startHealth({
        ...options.metrics,
        notReady: () => manifests.problem ?? fleetFile.problem ?? firstOf(failing),
        metrics: async () => exposition({ queue: { ...queue.counters, depth: queue.depth }, migrations: await statuses() }),
      }))
    return {
      metricsUrl: health?.url,
      async stop() {
        manifests.close()
        await queue.stop()
        await controller.close()
        await health?.close()
        await unlock()
      },
    }
  } catch (error) {
    manifests.close()
    await queue.stop()
    await unlock()
    throw error
  }
}

function firstOf(failing: ReadonlyMap<string, string>): string | undefined {
  const [first] = failing
  return first && `${first[0]}: ${first[1]}`
}
