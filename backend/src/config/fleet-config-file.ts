/**
 * The file that `FLK_FLEET_CONFIG` names: the desired config of the fleet, so that a pod that starts later, or again, comes up with it
 * and not with what its environment once said.
 */
import { readFile } from 'node:fs/promises'
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { problemOf } from '../dedup/sharded/fleet-membership.ts'
import { isConfigPush } from './config-push-schema.ts'

/** Undefined when there is no such file. @throws Error that says what is wrong with it. */
export async function readFleetConfigFile(path: string): Promise<ConfigPush | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  let push: unknown
  try {
    push = JSON.parse(text)
  } catch {
    throw new Error(`${path} (FLK_FLEET_CONFIG) is not JSON`)
  }
  if (!isConfigPush(push)) throw new Error(`${path} (FLK_FLEET_CONFIG) is not an object with generation, revision and config`)
  const problem = problemOf(push)
  if (problem !== undefined) throw new Error(`${path} (FLK_FLEET_CONFIG): ${problem}`)
  return push
}
