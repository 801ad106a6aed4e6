/**
 * The file that `FLK_FLEET_CONFIG` names: the desired config of the fleet, so that a pod that starts later, or again, comes up with it
 * and not with what its environment once said. It holds credentials, so only its owner may read what is written here.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
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

/** Replaces the file as a whole: a crash leaves the old or the new one. */
export async function writeFleetConfigFile(path: string, push: ConfigPush, pod: string): Promise<void> {
  const temporary = `${path}.${pod}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(push)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}
