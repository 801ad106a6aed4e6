/** `npm run bench -- operator`: the operator's real processes on a real API server with a thousand custom resources and 500 pods. */
import type { Section } from '../measure.ts'
import { measureConfigPush } from './config-push.ts'
import { measureLeader } from './leader.ts'
import { compareInformers, measureQueue } from './peers.ts'
import { openScene } from './scene.ts'
import { FLEETS, MIGRATIONS_A_FLEET, PODS_A_FLEET } from './shape.ts'
import { measureTakeover } from './takeover.ts'

export async function benchOperator(say: (line: string) => void): Promise<Section> {
  const scene = await openScene(say)
  try {
    const figures = [
      ...(await measureLeader(scene, say)),
      await measureConfigPush(scene),
      ...(await measureTakeover(scene, say)),
      ...(await compareInformers(scene, say)),
      await measureQueue(),
    ]
    const resources = FLEETS * (MIGRATIONS_A_FLEET + 2)
    return { title: `Operator: ${resources} custom resources, ${FLEETS} fleets of ${PODS_A_FLEET} pods`, figures }
  } finally {
    await scene.stop()
  }
}
