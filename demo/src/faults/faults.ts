/** The faults by the names of the command line. */
import type { FaultName } from '../options.ts'
import { badTarget } from './bad-target.ts'
import type { Fault } from './fault.ts'
import { killOperator } from './kill-operator.ts'
import { killPod } from './kill-pod.ts'
import { slowShard } from './slow-shard.ts'

export const FAULTS_BY_NAME: Record<FaultName, Fault> = {
  'kill-pod': killPod,
  'kill-operator': killOperator,
  'bad-target': badTarget,
  'slow-shard': slowShard,
}
