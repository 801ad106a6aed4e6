/** Two operators: how long nobody leads when the one that does is killed, and when it is told to end. */
import type { Figure } from '../measure.ts'
import { startOperator } from './operator-process.ts'
import type { Scene } from './scene.ts'

const LEASE_MS = 15_000
/** With its jitter. */
const RETRY_MS = 2_400
const ORDERLY_MS = 1_000
/** A standby must have seen the Lease, and its caches be warm. */
const STANDBY_MS = 6_000

export async function measureTakeover(scene: Scene, say: (line: string) => void): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [signal, budgetMs] of [
    ['SIGKILL', LEASE_MS + RETRY_MS],
    ['SIGTERM', ORDERLY_MS],
  ] as const) {
    say(`operator: takeover after ${signal} ...`)
    const first = await startOperator(scene, `first-${signal}`)
    const second = await startOperator(scene, `second-${signal}`)
    try {
      const leader = await Promise.race([first.leading().then(() => first), second.leading().then(() => second)])
      const standby = leader === first ? second : first
      await new Promise((resolve) => setTimeout(resolve, STANDBY_MS))
      const sinceMs = performance.now()
      leader.kill(signal)
      await standby.leading()
      figures.push({
        name: `takeover after ${signal}`,
        value: performance.now() - sinceMs,
        unit: 'ms',
        ceiling: { name: signal === 'SIGKILL' ? 'lease and a retry' : 'budget', value: budgetMs },
        wanted: { atMost: 1 },
        note: 'from the signal until the standby leads',
      })
    } finally {
      await Promise.all([first.stop(), second.stop()])
    }
  }
  return figures
}
