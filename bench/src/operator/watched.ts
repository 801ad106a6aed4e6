/** Waits for what a watch of the custom resources shows, and tells when it came. */
import type { MigrationResource } from '@fractal-lba/operator/kubernetes/resources'
import { SHARD_MIGRATIONS } from '@fractal-lba/operator/kubernetes/resources'
import { Cache } from '@fractal-lba/operator/runtime/cache/cache'
import { systemClock } from '@fractal-lba/operator/runtime/clock'
import type { Scene } from './scene.ts'

export interface Watched {
  /** Resolves with the time at which the watch showed a migration so. */
  seen(fits: (migration: MigrationResource) => boolean): Promise<number>
  stop(): Promise<void>
}

export async function watchMigrations(scene: Scene): Promise<Watched> {
  const cache = new Cache<MigrationResource>({
    ...{ client: scene.watcher, type: SHARD_MIGRATIONS, clock: systemClock, random: Math.random },
    onError: (doing, error) => console.error(doing, error),
  })
  cache.start()
  await cache.synced()
  return {
    seen: (fits) =>
      new Promise((resolve) => {
        let end: (() => void) | undefined
        let found = false
        end = cache.onChange(({ new: now }) => {
          if (found || !now || !fits(now)) return
          found = true
          resolve(performance.now())
          end?.()
        })
        if (found) end()
      }),
    stop: () => cache.stop(),
  }
}
