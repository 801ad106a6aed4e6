/** Kills the operator while it copies and while it cuts over. A successor takes its lease over and carries on from what the shards say. */
import { type Fault, type FaultScene, inMidCopy, inMidCutover } from './fault.ts'

export const killOperator: Fault = {
  expectedEnd: 'Completed',
  async strike(scene) {
    await scene.until(inMidCopy)
    await kill(scene, 'Copying')
    await scene.until(inMidCutover)
    await kill(scene, 'Cutover')
  },
}

async function kill({ operator, events }: FaultScene, phase: string): Promise<void> {
  events.warn(`fault: the operator (pid ${operator.process.pid}) is killed in ${phase}`)
  await operator.killAndSucceed()
  events.info(`a successor (pid ${operator.process.pid}) was started`)
}
