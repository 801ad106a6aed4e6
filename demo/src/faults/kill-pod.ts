/** Kills a verifier while keys are copied, and another one during the cutover. Both come back with their log and go on. */
import { type Fault, type FaultScene, inMidCopy, inMidCutover } from './fault.ts'

export const killPod: Fault = {
  expectedEnd: 'Completed',
  async strike(scene) {
    await scene.until(inMidCopy)
    await kill(scene, 1, 'while keys are copied')
    await scene.until(inMidCutover)
    await kill(scene, 2, 'during the cutover')
  },
}

async function kill({ pods, events }: FaultScene, index: number, when: string): Promise<void> {
  const pod = pods[index]
  if (!pod) throw new Error(`there is no pod ${index + 1} to kill`)
  events.warn(`fault: ${pod.name} (pid ${pod.process?.pid}) is killed ${when}`)
  await pod.killAndRestart()
  events.info(`${pod.name} is back (pid ${pod.process?.pid}) and has replayed its log`)
}
